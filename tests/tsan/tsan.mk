# What the thread sanitizer must be shown: see close.c.

ifneq ($(findstring thread,$(SANITIZE)),)
SEEN_CLOSE := $(BUILD)/tests/tsan/close.o

$(BUILD)/popinjay $(TESTS): $(SEEN_CLOSE)

-include $(SEEN_CLOSE:.o=.d)
endif
