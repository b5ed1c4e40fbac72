# The benchmark: programs that load the proxy, stand behind it, and show what
# the same work costs at least. See README.md.
#
#   make bench-tools               the C programs, into $(BUILD)/tests/bench
#
# The targets that run them are in the second half.

BENCH_TOOLS   := load upstream floor-handshakes floor-relay delay
BENCH_DIR     := $(BUILD)/tests/bench
BENCH_SOURCES := $(sort $(wildcard tests/bench/*.c))
BENCH_OBJECTS := $(call objects,$(BENCH_SOURCES))

# A program is NAME.c and what begins with NAME_; the rest is common to all.
bench_own      = $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard \
                   tests/bench/$(subst -,_,$(1)).c \
                   tests/bench/$(subst -,_,$(1))_*.c)))
BENCH_COMMON  := $(filter-out $(foreach t,$(BENCH_TOOLS),$(call bench_own,$t)),\
                   $(BENCH_OBJECTS))

.PHONY: bench-tools

bench-tools: $(BENCH_TOOLS:%=$(BENCH_DIR)/%) ## build the programs of the benchmark

$(BENCH_DIR)/libbench.a: $(BENCH_COMMON)
	$(archive)

define bench_program
$(BENCH_DIR)/$(1): $(call bench_own,$(1)) $(BENCH_DIR)/libbench.a \
                   $(BUILD)/libpure.a
	$$(call say,LD)
	$$(Q)$$(LINK) -o $$@ $$^ $$(LIB_LIBS)
endef
$(foreach t,$(BENCH_TOOLS),$(eval $(call bench_program,$t)))

$(BENCH_OBJECTS): COMPILE += -Itests

-include $(BENCH_OBJECTS:.o=.d)

# --- Running them -----------------------------------------------------------
#
#   make bench                     measures popinjay beside its peers: into
#                                  $(BUILD)/bench/bench.md and bench.json
#   make bench BENCH_RUNS=1 BENCH_WORKS="poll10 retr-50x5M"
#   make bench-plot                draws what bench.json says

BENCH_RUNS  ?= 5
# Names of works and of peers; empty: all of them. See bench.py --help.
BENCH_WORKS ?=
BENCH_PEERS ?=

.PHONY: bench bench-plot

bench: ## popinjay beside its peers: one table, and build/bench
	@deploy/install-packages.sh build bench
	@$(MAKE) --no-print-directory all bench-tools
	@$(PYTHON) tests/bench/bench.py --build $(BUILD) --runs $(BENCH_RUNS) \
	    --works '$(BENCH_WORKS)' --peers '$(BENCH_PEERS)'

bench-plot: ## the pictures of the latest make bench, into build/bench
	@deploy/install-packages.sh bench
	@$(PYTHON) tests/bench/plot.py $(BUILD)/bench
