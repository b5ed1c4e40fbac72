# popinjay - see `make help`.
#
# Sources are found by wildcard, so a new file needs no line here. Another
# build of the same sources is another folder: make BUILD=build/x SANITIZE=...

BUILD    ?= build
PREFIX   ?= /usr/local
DESTDIR  ?=
MANUALS  ?= $(PREFIX)/share/man
UNITS    ?= $(PREFIX)/lib/systemd/system
# Empty for a compiler that warns of more than ours: make WERROR=
WERROR   ?= -Werror
# For instance address,undefined (see `make asan`).
SANITIZE ?=
PYTHON   ?= /usr/bin/python3
ifeq ($(origin CC),default)
CC       := gcc
endif
VERSION  ?= $(shell git describe --always --dirty 2>/dev/null || echo unknown)

# What `make run` listens on, and what it stands before.
POP3_PORT   ?= 1110
POP3S_PORT  ?= 1995
STATUS_PORT ?= 8110
UPSTREAM    ?=

# --- Sources ---------------------------------------------------------------

PURE_LAYERS  := base pop3 imap session
OUTER_LAYERS := net access server cli
sources       = $(sort $(foreach d,$(1),$(wildcard proxy/$(d)/*.c)))
objects       = $(patsubst %.c,$(BUILD)/%.o,$(1))

PURE_OBJECTS := $(call objects,$(call sources,$(PURE_LAYERS)))
# All but main.c, so that a test can be linked with any part.
REST_OBJECTS := $(call objects,$(call sources,$(OUTER_LAYERS)) \
                  $(filter-out proxy/main.c,$(sort $(wildcard proxy/*.c))))

TEST_SOURCES := $(sort $(wildcard tests/unit/test_*.c tests/unit/*/test_*.c \
                  tests/session/test_*.c tests/session/*/test_*.c))
TEST_OBJECTS := $(call objects,$(TEST_SOURCES))
TESTS        := $(patsubst %.c,$(BUILD)/%,$(TEST_SOURCES))
# Tests of the pure layers are linked with none of the others.
PURE_TESTS   := $(filter $(BUILD)/tests/session/% \
                  $(PURE_LAYERS:%=$(BUILD)/tests/unit/%/%),$(TESTS))
TEST_SUPPORT := $(call objects,$(sort $(wildcard tests/support/*.c)))

# tests/support/alloc_fail.c stands between a test and the allocator.
comma        := ,
WRAPPING     := -Wl,--undefined=__wrap_malloc \
                $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc free)

FORMATTED     = $(shell find proxy include tests -name '*.[ch]')

# --- Flags -----------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings \
            -Wundef -Wvla $(WERROR)
# uv.h needs _GNU_SOURCE under -std=c11.
LANGUAGE := -std=c11 -D_GNU_SOURCE -Iinclude
ifeq ($(SANITIZE),)
HARDEN   := -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LINKING  := -pie -Wl,-z,relro,-z,now
else
HARDEN   := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) \
            -fno-sanitize-recover=all -fPIE
LINKING  := -pie -fsanitize=$(SANITIZE)
endif
CFLAGS   ?=
LDFLAGS  ?=

# Asked of pkg-config once, and only where something is compiled: the value
# replaces the variable when it is first expanded.
LIBRARIES    := libuv openssl inih jansson libseccomp libcurl libgsasl libcrypt \
                libcares
once          = $(eval $(1) := $$(shell $(2)))$($(1))
LIB_CFLAGS    = $(call once,LIB_CFLAGS,pkg-config --cflags $(LIBRARIES))
LIB_LIBS      = $(call once,LIB_LIBS,pkg-config --libs $(LIBRARIES) && echo -lm)
CMOCKA_CFLAGS = $(call once,CMOCKA_CFLAGS,pkg-config --cflags cmocka)
CMOCKA_LIBS   = $(call once,CMOCKA_LIBS,pkg-config --libs cmocka)

# llhttp: the library where Debian has it, else the sources of node-llhttp.
ifneq ($(shell pkg-config --exists libllhttp 2>/dev/null && echo yes),)
LIBRARIES      += libllhttp
LLHTTP_ARCHIVE :=
else
LLHTTP_SHARE   := /usr/share/llhttp
LLHTTP_CFLAGS  := -isystem /usr/share/include/llhttp
LLHTTP_OBJECTS := $(patsubst %,$(BUILD)/llhttp/%.o,api http llhttp)
LLHTTP_ARCHIVE := $(BUILD)/libllhttp.a
endif

COMPILE = $(CC) $(LANGUAGE) $(WARNINGS) $(HARDEN) $(LLHTTP_CFLAGS) \
          $(LIB_CFLAGS) $(CFLAGS) -MMD -MP
LINK    = $(CC) $(LINKING) $(HARDEN) $(CFLAGS) $(LDFLAGS)
# Made anew, and appended to: replacing would take two files of one name in
# different folders for the same member.
define archive
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR)
	$(Q)ar qcs $@ $(filter %.o,$^)
endef
# `make V=1` shows the commands themselves.
Q   := $(if $(V),,@)
say  = @$(if $(V),:,printf '  %-4s %s\n' $(1) $@)

# --- What people call ------------------------------------------------------

.DEFAULT_GOAL := all
.PHONY: all tests run test test-servers asan tsan layers format install clean
.PHONY: help packages manuals deb deb-test
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/popinjay ## build build/popinjay

run: ## the proxy before a local Dovecot with sample mail, or before UPSTREAM=host:port
	@deploy/install-packages.sh build run
	@$(MAKE) --no-print-directory all
	@POP3_PORT=$(POP3_PORT) POP3S_PORT=$(POP3S_PORT) \
	 STATUS_PORT=$(STATUS_PORT) UPSTREAM='$(UPSTREAM)' \
	 exec $(PYTHON) deploy/demo.py $(BUILD)/popinjay

test: ## every check and test, also under the sanitizers
	@deploy/install-packages.sh build test
	@$(PYTHON) tests/run.py

asan: ## the tests against a build with address and undefined-behaviour sanitizers
	@deploy/install-packages.sh build test
	@$(PYTHON) tests/run.py asan

tsan: ## the tests against a build with the thread sanitizer
	@deploy/install-packages.sh build test
	@$(PYTHON) tests/run.py tsan

test-servers: ## every test before Cyrus, Courier and Mailutils; 'test' runs most of them
	@deploy/install-packages.sh build test
	@$(PYTHON) tests/run.py servers

tests: $(TESTS) ## build the test programs

layers: $(BUILD)/libpure.a ## show that the pure layers are pure
	@tests/check_layers.sh $(BUILD)

format: ## lay out the C sources by .clang-format
	clang-format -i $(FORMATTED)

manuals: $(BUILD)/man/popinjay.8 $(BUILD)/man/popinjay.conf.5

install: all manuals ## into PREFIX (/usr/local), below DESTDIR
	install -D -m 755 $(BUILD)/popinjay $(DESTDIR)$(PREFIX)/sbin/popinjay
	install -D -m 644 proxy.conf.sample \
	    $(DESTDIR)$(PREFIX)/share/doc/popinjay/proxy.conf.sample
	install -D -m 644 $(BUILD)/man/popinjay.8 \
	    $(DESTDIR)$(MANUALS)/man8/popinjay.8
	install -D -m 644 $(BUILD)/man/popinjay.conf.5 \
	    $(DESTDIR)$(MANUALS)/man5/popinjay.conf.5
	install -D -m 644 deploy/systemd/popinjay.sysusers \
	    $(DESTDIR)$(PREFIX)/lib/sysusers.d/popinjay.conf
	install -d $(DESTDIR)$(UNITS)
	for unit in deploy/systemd/*.service $(wildcard deploy/systemd/*.socket); do \
	    sed 's|/usr/sbin/|$(PREFIX)/sbin/|' $$unit \
	        >$(DESTDIR)$(UNITS)/$${unit##*/} || exit; done

deb: ## a Debian package, in build/deb
	@deploy/install-packages.sh build package
	@deploy/make-deb.sh build/deb

deb-test: ## that package installed, upgraded and purged in a fresh root
	@deploy/install-packages.sh build test package
	@$(PYTHON) tests/run.py deb

clean: ## remove build/
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | sort | expand -t 12

# --- How things are built --------------------------------------------------

$(BUILD)/popinjay: $(BUILD)/proxy/main.o $(BUILD)/librest.a \
                   $(BUILD)/libpure.a $(LLHTTP_ARCHIVE)
	$(call say,LD)
	$(Q)$(LINK) -o $@ $^ $(LIB_LIBS)

$(BUILD)/libpure.a: $(PURE_OBJECTS)
	$(archive)

$(BUILD)/librest.a: $(REST_OBJECTS)
	$(archive)

$(BUILD)/libtest.a: $(TEST_SUPPORT)
	$(archive)

$(BUILD)/libllhttp.a: $(LLHTTP_OBJECTS)
	$(archive)

define link_test
	$(call say,LD)
	$(Q)$(LINK) $(WRAPPING) -o $@ $^ $(LIB_LIBS) $(CMOCKA_LIBS)
endef

$(PURE_TESTS): $(BUILD)/%: $(BUILD)/%.o $(BUILD)/libtest.a $(BUILD)/libpure.a
	$(link_test)

$(filter-out $(PURE_TESTS),$(TESTS)): $(BUILD)/%: $(BUILD)/%.o \
                  $(BUILD)/libtest.a $(BUILD)/librest.a $(BUILD)/libpure.a \
                  $(LLHTTP_ARCHIVE)
	$(link_test)

$(BUILD)/%.o: %.c $(BUILD)/flags | packages
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(COMPILE) -c -o $@ $<

$(TEST_OBJECTS) $(TEST_SUPPORT): COMPILE += $(CMOCKA_CFLAGS) -Itests

# Not ours, so not under our warnings.
$(BUILD)/llhttp/%.o: $(LLHTTP_SHARE)/%.c $(BUILD)/flags | packages
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(HARDEN) $(LLHTTP_CFLAGS) $(CFLAGS) -c -o $@ $<

# The version is known to the one object that names the macro, so that a new
# commit does not compile everything anew.
VERSIONED := $(call objects,$(shell grep -ls POPINJAY_VERSION \
               $(wildcard proxy/*.c proxy/*/*.c) /dev/null))
$(VERSIONED): COMPILE += -DPOPINJAY_VERSION='"$(VERSION)"'
$(VERSIONED): $(BUILD)/version

$(BUILD)/man/popinjay.8: deploy/man/popinjay.8.in $(BUILD)/version
	@mkdir -p $(@D)
	$(call say,MAN)
	$(Q)sed 's|@VERSION@|$(VERSION)|' $< >$@

$(BUILD)/man/popinjay.conf.5: proxy.conf.sample deploy/man/conf_manual.awk \
                  $(BUILD)/version
	@mkdir -p $(@D)
	$(call say,MAN)
	$(Q)awk -f deploy/man/conf_manual.awk -v version='$(VERSION)' $< >$@

# Stamps that change only when their text does; what depends on them is then
# built anew.
define stamp
	@mkdir -p $(@D)
	@echo '$(1)' | cmp -s - $@ || echo '$(1)' >$@
endef

.PHONY: always
$(BUILD)/flags: always
	$(call stamp,$(CC) $(LANGUAGE) $(WARNINGS) $(HARDEN) $(CFLAGS))
$(BUILD)/version: always
	$(call stamp,$(VERSION))

# Plain `make` never installs anything; it says what to install.
packages:
	@pkg-config --exists $(LIBRARIES) && \
	 { [ -z '$(LLHTTP_SHARE)' ] || [ -e '$(LLHTTP_SHARE)/llhttp.c' ]; } || { \
	 echo "popinjay: packages are missing: $$(deploy/install-packages.sh --list build)"; \
	 echo "popinjay: install them with: deploy/install-packages.sh build"; \
	 exit 1; } >&2

-include $(PURE_OBJECTS:.o=.d) $(REST_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d) \
         $(TEST_SUPPORT:.o=.d) $(BUILD)/proxy/main.d
# Further kinds of tests bring their own targets: tests/sim/sim.mk and so on.
-include $(wildcard tests/*/*.mk)
