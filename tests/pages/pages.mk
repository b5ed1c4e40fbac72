# make screenshot - the status page as it looks on a busy day.

.PHONY: screenshot

PAGE_SAMPLE := $(BUILD)/tests/pages/status_sample

$(BUILD)/tests/pages/status_sample.o: COMPILE += -Itests

$(PAGE_SAMPLE): $(BUILD)/tests/pages/status_sample.o $(BUILD)/librest.a \
                $(BUILD)/libpure.a $(LLHTTP_ARCHIVE)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(LIB_LIBS)

tests: $(PAGE_SAMPLE)

screenshot: $(PAGE_SAMPLE) ## deploy/docs/pictures/status.png: the status page
	@deploy/install-packages.sh test
	@$(PYTHON) tests/pages/screenshot.py $(PAGE_SAMPLE) deploy/docs/pictures

-include $(BUILD)/tests/pages/status_sample.d
