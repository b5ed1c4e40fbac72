# What attacks cost while real sessions go on beside them: see attack.py.

ATTACK_SECONDS ?= 10

.PHONY: attack

attack: all ## attacks beside real sessions, and what they cost (2 minutes)
	@deploy/install-packages.sh build test
	@$(PYTHON) tests/soak/attack.py --seconds $(ATTACK_SECONDS)
