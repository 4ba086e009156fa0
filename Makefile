# zk: build, install, test.  Packagers override the ?= variables; DEVELOPER=1
# makes warnings errors, V=1 shows the commands.
CC ?= cc
AR ?= ar
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
UNITDIR ?= $(PREFIX)/lib/systemd
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
INSTALL ?= install
BUILD ?= build
ZK ?= $(abspath $(BUILD)/zk)
FUZZ_TIME ?= 60
VERSION ?= $(shell sed -n 's/.*ZK_VERSION "\(.*\)"/\1/p' src/cli/version.h)

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
  -Wmissing-prototypes -Wvla -Wundef -Wformat=2 -Wimplicit-fallthrough
ifeq ($(DEVELOPER),1)
WARN += -Werror
endif
# clang before 16 wants a second option for the automatic zeroing
ZEROED = -ftrivial-auto-var-init=zero
CLANG_OLD = -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang
TRY = $(shell $(CC) $(1) -x c -c -o /dev/null /dev/null 2>/dev/null && \
  echo '$(1)')
# Sanitizers see reads of unset memory only without the zeroing, and bring
# checks of their own in place of the fortified calls.  At a fixed address:
# what they say of each line and string would else be 130,000 addresses to
# set at each start, and megabytes to search for leaks at each end.
ifdef SAN
HARDEN = -fsanitize=$(SAN) -fno-sanitize-recover=all \
  -fno-omit-frame-pointer -fno-pie
HARDEN_LD = -no-pie
else
HARDEN := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
  -fPIE $(or $(call TRY,$(ZEROED)),$(call TRY,$(ZEROED) $(CLANG_OLD)))
HARDEN_LD = -pie -Wl,-z,relro,-z,now,-z,noexecstack
endif
ZK_CFLAGS = -std=c11 -D_GNU_SOURCE -Isrc $(WARN) $(HARDEN) -pthread
LIBS = -lsodium -lsqlite3 -lcjson -lqrencode -lmbedtls -lmbedx509 \
  -lmbedcrypto -lzstd -lhttp_parser -lm -pthread
LINK = $(CC) $(CFLAGS) $(ZK_CFLAGS) $(HARDEN_LD) $(LDFLAGS) -o $@ $(1) $(LIBS)

# Fakes (NAME_fake.c) are for tests and never part of the program.
SRC := $(wildcard src/*.c src/*/*.c)
LIBOBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter-out src/main.c %_fake.c,$(SRC)))
FAKEOBJ := $(patsubst %.c,$(BUILD)/%.o,$(filter %_fake.c,$(SRC)))
LIB := $(BUILD)/libzk.a
FAKES := $(BUILD)/libfakes.a
SIMOBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/sim/*.c))
SIM := $(BUILD)/libsim.a
# tests/unit/X.c is a program each; so is each other folder with a main.c
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*.c))
# tests/replay is text-replay, beside the programs of tests/unit
TOOL := $(filter-out replay,\
  $(patsubst tests/%/main.c,%,$(wildcard tests/*/main.c)))
TOOLBIN := $(TOOL:%=$(BUILD)/tools/%)
REPLAY := $(BUILD)/tests/text-replay
# tests/preload/X.c is put under the program with LD_PRELOAD
PRELOAD := $(patsubst tests/preload/%.c,$(BUILD)/tools/%.so,\
  $(wildcard tests/preload/*.c))
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))

Q = $(if $(V),,@)

all: $(BUILD)/zk

$(BUILD)/zk: $(BUILD)/src/main.o $(LIB)
	@echo "  LD    $@"
	$(Q)$(call LINK,$^)

$(LIB): $(LIBOBJ)
$(FAKES): $(FAKEOBJ)
$(SIM): $(SIMOBJ)
$(LIB) $(FAKES) $(SIM):
	@echo "  AR    $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/tests/%.o: ZK_CFLAGS += -I. $(TEST_CFLAGS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS) $(ZK_CFLAGS) -MMD -MP -c -o $@ $<

$(UNIT): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(SIM) $(FAKES) $(LIB)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(call LINK,$^)

define TOOL_RULE
$(BUILD)/tools/$(1): $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/$(1)/*.c)) \
  $(FAKES) $(LIB)
	@mkdir -p $$(@D)
	@echo "  LD    $$@"
	$$(Q)$$(call LINK,$$^)
endef
$(foreach t,$(TOOL),$(eval $(call TOOL_RULE,$(t))))

# no libraries: it says what merging takes, not what they do
$(REPLAY): LIBS =
$(REPLAY): $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/replay/*.c)) $(LIB)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(call LINK,$^)

# without the sanitizers of SAN: the program brings their runtime
$(PRELOAD): $(BUILD)/tools/%.so: tests/preload/%.c
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) -std=c11 -D_GNU_SOURCE $(WARN) -fPIC -shared \
	    $(LDFLAGS) -o $@ $< -ldl

# the fuzz targets too, so that they go with what they are for
unit: $(UNIT) $(TOOLBIN) $(REPLAY) $(PRELOAD) $(FUZZ:%=$(BUILD)/tests/fuzz/%.o)

# all that is compiled, for its warnings
objects: $(LIBOBJ) $(FAKEOBJ) $(BUILD)/src/main.o $(PRELOAD) \
  $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/preload/%,\
  $(wildcard tests/*/*.c)))

check: all unit
	@ZK='$(ZK)' BUILD='$(abspath $(BUILD))' tests/run

# Left out is what says nothing of memory (documents, sources), and where runs
# are killed before they could report or have no memory to do it.
ASAN_SKIP = 11-help 12-docs 13-completion \
  check-layers check-size check-docs \
  47-kill 70-killed 75-cut-off 78-each-fails 78-every-call 79-blackbox \
  84-channel-lines-killed 89-checkpoint-killed

# a seed of the simulation is ten times as dear here, and so is what is drawn
# at random elsewhere; what is freed is kept back for 32 MiB, not 256, since
# pages that nobody touched yet are what a run waits for
check-asan:
	@ASAN_OPTIONS=$${ASAN_OPTIONS:-quarantine_size_mb=32} \
	    SIM_SEEDS=$${SIM_SEEDS:-400} CAUSAL_SEEDS=$${CAUSAL_SEEDS:-40} \
	    KILL_MOMENTS=$${KILL_MOMENTS:-20} VERIFY_FLIPS=$${VERIFY_FLIPS:-8} \
	    BLACKBOX_SEEDS=$${BLACKBOX_SEEDS:-1} \
	    TEST_TIMEOUT=$${TEST_TIMEOUT:-600} TEST_SKIP='$(ASAN_SKIP)' \
	    $(MAKE) BUILD=build-asan SAN=address,undefined CFLAGS='-O1 -g1' \
	    TEST_CFLAGS=-O0 check

# without sanitizers, which valgrind does not go with
check-valgrind: all unit
	@ZK='$(ZK)' BUILD='$(abspath $(BUILD))' scripts/check-valgrind

# Calls that fail one by one, a few of each command; EVERY=1: all of them
check-fail: all $(PRELOAD)
	@ZK='$(ZK)' BUILD='$(abspath $(BUILD))' FAIL_RUNS=$${FAIL_RUNS:-3} \
	    EVERY='$(EVERY)' sh tests/cli/78-each-fails.sh

# Each target from its seeds in tests/fuzz/seeds/NAME, if there are any.
fuzz:
	@$(MAKE) CC=clang BUILD=build-fuzz CFLAGS='-O1 -g' \
	    SAN=fuzzer-no-link,address,undefined $(FUZZ:%=fuzz-%)

build-fuzz/fuzz/%: $(BUILD)/tests/fuzz/%.o $(LIB)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(call LINK,-fsanitize=fuzzer $^)

fuzz-%: build-fuzz/fuzz/%
	@echo "  FUZZ  $* ($(FUZZ_TIME) s)"
	$(Q)mkdir -p build-fuzz/corpus/$*
	$(Q)$< -max_total_time=$(FUZZ_TIME) -timeout=20 -print_final_stats=1 \
	    -artifact_prefix=build-fuzz/$*- build-fuzz/corpus/$* \
	    $(wildcard tests/fuzz/seeds/$*) >build-fuzz/$*.log 2>&1 || \
	    { tail -n 40 build-fuzz/$*.log; exit 1; }
	@sed -n 's/^stat::number_of_executed_units: */  RUNS  $*: /p' \
	    build-fuzz/$*.log

bench: all $(BUILD)/tools/pipeline $(REPLAY)
	$(BUILD)/tools/pipeline cut
	$(BUILD)/tools/pipeline relay
	$(BUILD)/tools/pipeline tls
	BUILD='$(abspath $(BUILD))' scripts/bench-relay
	ZK='$(ZK)' scripts/bench

bench-scale: all
	ZK='$(ZK)' scripts/bench-scale

deps:
	scripts/deps

demo:
	scripts/demo

D = $(DESTDIR)
install: all
	$(INSTALL) -d $(D)$(BINDIR) $(D)$(BASHDIR) $(D)$(ZSHDIR) $(D)$(FISHDIR) \
	    $(D)$(UNITDIR)/system $(D)$(UNITDIR)/user \
	    $(foreach s,$(sort $(suffix $(wildcard man/*))),\
	    $(D)$(MANDIR)/man$(s:.%=%))
	$(INSTALL) -m 755 $(BUILD)/zk $(D)$(BINDIR)/zk
	$(foreach m,$(wildcard man/*),$(INSTALL) -m 644 $(m) \
	    $(D)$(MANDIR)/man$(patsubst .%,%,$(suffix $(m)))/ && ):
	$(INSTALL) -m 644 completions/zk.bash $(D)$(BASHDIR)/zk
	$(INSTALL) -m 644 completions/_zk $(D)$(ZSHDIR)/_zk
	$(INSTALL) -m 644 completions/zk.fish $(D)$(FISHDIR)/zk.fish
	for u in scripts/zk-relay.service:system scripts/zk-sync@.service:user \
	    scripts/zk-sync@.timer:user; do \
		sed 's|@BINDIR@|$(BINDIR)|g' "$${u%:*}" \
		    >"$(D)$(UNITDIR)/$${u#*:}/$$(basename "$${u%:*}")" && \
		chmod 644 "$(D)$(UNITDIR)/$${u#*:}/$$(basename "$${u%:*}")" || \
		    exit 1; \
	done

dist:
	git archive --prefix=zk-$(VERSION)/ -o zk-$(VERSION).tar.gz HEAD

clean:
	rm -rf build build-asan build-fuzz $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all unit objects check check-asan check-valgrind check-fail fuzz bench \
  bench-scale deps demo install dist clean
.SECONDARY:
