# The soak: hundreds of devices of all kinds for an hour, with faults, reloads,
# changes of accounts and handovers.
# See soak.py.
#
#   make soak                      SOAK_MINUTES, with SOAK_DEVICES
#   make soak SOAK_MINUTES=3 SOAK_DEVICES=50

SOAK_MINUTES ?= 60
SOAK_DEVICES ?= 300

.PHONY: soak

soak: ## devices for an hour, with faults, reloads and handovers: into build/soak
	@deploy/install-packages.sh build soak
	@$(MAKE) --no-print-directory all
	@$(PYTHON) tests/soak/soak.py --build $(BUILD) --minutes $(SOAK_MINUTES) \
	    --devices $(SOAK_DEVICES)
