# The simulator: whole sessions with a model server, a client that says
# anything, other clients and a bad network. See sim.c.
#
#   make sim                       SIM_SESSIONS sessions, in two processes
#   make sim SIM_SEED=7            others
#   make sim-short                 what `make test` runs
#   make sim-allocations           each allocation of each world fails in turn
#   make sim-mutations             shows that it finds what is broken on purpose

SIM_SESSIONS       ?= 1000000
SIM_SEED           ?= 1
SIM_SHORT_SESSIONS ?= 60000

SIM_OBJECTS := $(call objects,$(sort $(wildcard tests/sim/*.c)))
SIM_WRAP    := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free

.PHONY: sim sim-short sim-allocations sim-mutations

sim: $(BUILD)/sim ## many simulated sessions, from SIM_SEED
	@half=$$(($(SIM_SESSIONS) / 2)); \
	 $< --sessions $$half --seed $(SIM_SEED) >$(BUILD)/sim.1.log & \
	 $< --sessions $$half --seed $$(($(SIM_SEED) + 1000000000)) \
	     >$(BUILD)/sim.2.log; \
	 second=$$?; wait $$!; first=$$?; \
	 cat $(BUILD)/sim.1.log $(BUILD)/sim.2.log; \
	 [ $$first -eq 0 ] && [ $$second -eq 0 ]

sim-short: $(BUILD)/sim ## the simulator, for some seconds
	@$< --sessions $(SIM_SHORT_SESSIONS) --seed $(SIM_SEED)

sim-allocations: $(BUILD)/sim ## the simulator, memory running out at each place
	@$< --allocations --sessions $(SIM_SHORT_SESSIONS) --seed $(SIM_SEED)

sim-mutations: ## break the session layer on purpose, and see it found
	@tests/sim/mutations.sh

$(BUILD)/sim: $(SIM_OBJECTS) $(BUILD)/libtest.a $(BUILD)/libpure.a
	$(LINK) $(SIM_WRAP) -o $@ $^ $(CMOCKA_LIBS)

$(SIM_OBJECTS): COMPILE += $(CMOCKA_CFLAGS) -Itests

-include $(SIM_OBJECTS:.o=.d)
