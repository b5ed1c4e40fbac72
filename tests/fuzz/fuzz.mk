# fuzz.mk - fuzzing, coverage, rows; included by the Makefile.
#
# tests/fuzz/fuzz_NAME.c is a target by wildcard. In a build with SANITIZE=
# fuzzer-no-link,... it is linked with libFuzzer (clang only), in every other
# with replay.c: then it is one of the programs of `make tests`, and runs the
# inputs of tests/fuzz/corpus/NAME/.

FUZZ_SECONDS ?= 60
# Two at a time; more than these processors would only disturb each other.
FUZZ_JOBS    ?= 2
FUZZ_CC      ?= clang
FUZZ_BUILD   := $(BUILD)/fuzz
FUZZ_ASAN    := $(BUILD)/asan

FUZZ_SOURCES  := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_NAMES    := $(patsubst tests/fuzz/fuzz_%.c,%,$(FUZZ_SOURCES))
FUZZ_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(FUZZ_SOURCES))
# All but these are linked with the pure layers alone.
FUZZ_OUTER    := $(patsubst %,$(BUILD)/tests/fuzz/fuzz_%,accounts config \
                   http_request oauth proxy_header)
FUZZ_PURE     := $(filter-out $(FUZZ_OUTER),$(FUZZ_PROGRAMS))
# What the targets share; the bridge's parts are of no use to others.
FUZZ_COMMON   := $(call objects,$(filter-out tests/fuzz/replay.c \
                   $(FUZZ_SOURCES),$(sort $(wildcard tests/fuzz/*.c))))
FUZZ_REPLAY   := $(BUILD)/tests/fuzz/replay.o
FUZZ_OBJECTS  := $(FUZZ_COMMON) $(FUZZ_REPLAY) $(FUZZ_PROGRAMS:%=%.o)

# Words of the protocols that a target speaks, split by colons.
FUZZ_WORDS_accounts      := accounts
FUZZ_WORDS_bridge        := pop3:imap
FUZZ_WORDS_config        := config
FUZZ_WORDS_http_request  := http
FUZZ_WORDS_imap_response := imap
FUZZ_WORDS_pop3_line     := pop3
FUZZ_WORDS_proxy_header  := proxy
FUZZ_WORDS_scram         := scram

ifeq ($(findstring fuzzer,$(SANITIZE)),)
FUZZ_MAIN := $(FUZZ_REPLAY)
else
FUZZ_MAIN :=
$(FUZZ_PROGRAMS): LDFLAGS += -fsanitize=fuzzer
endif

.PHONY: fuzz fuzz-replay fuzz-programs pure-tests coverage rows

fuzz-programs: $(FUZZ_PROGRAMS)
tests: fuzz-programs
# What tests/coverage.sh measures with.
pure-tests: $(PURE_TESTS) $(FUZZ_PURE)

$(FUZZ_COMMON) $(FUZZ_REPLAY) $(FUZZ_PROGRAMS:%=%.o): COMPILE += -Itests/fuzz

$(BUILD)/libfuzz.a: $(FUZZ_COMMON)
	$(archive)

define link_fuzz
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(LIB_LIBS)
endef

$(FUZZ_PURE): $(BUILD)/%: $(BUILD)/%.o $(FUZZ_MAIN) $(BUILD)/libfuzz.a \
                  $(BUILD)/libpure.a
	$(link_fuzz)

$(FUZZ_OUTER): $(BUILD)/%: $(BUILD)/%.o $(FUZZ_MAIN) $(BUILD)/libfuzz.a \
                  $(BUILD)/librest.a $(BUILD)/libpure.a $(LLHTTP_ARCHIVE)
	$(link_fuzz)

fuzz: ## each fuzz target for FUZZ_SECONDS (60), FUZZ_JOBS (2) at a time
	@deploy/install-packages.sh build fuzz
	@$(MAKE) --no-print-directory BUILD=$(FUZZ_BUILD) CC=$(FUZZ_CC) \
	    SANITIZE=fuzzer-no-link,address,undefined fuzz-programs
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run.sh $(FUZZ_BUILD) \
	    $(FUZZ_JOBS) $(foreach n,$(FUZZ_NAMES),$(n):$(FUZZ_WORDS_$(n)))

fuzz-replay: ## run all inputs of tests/fuzz/corpus under the sanitizers
	@deploy/install-packages.sh build test
	@$(MAKE) --no-print-directory BUILD=$(FUZZ_ASAN) \
	    SANITIZE=address,undefined fuzz-programs
	@tests/fuzz/replay.sh $(FUZZ_ASAN) $(FUZZ_NAMES)

coverage: ## lines and branches of the pure layers that the tests reach
	@deploy/install-packages.sh build coverage
	@tests/coverage.sh

rows: ## rows of the conformance checklist without a test
	@$(PYTHON) tests/rows.py

-include $(FUZZ_OBJECTS:.o=.d)
