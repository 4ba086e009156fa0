# zk: build, install, test.  Packagers override the ?= variables.
CC ?= cc
PREFIX ?= /usr/local
CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config
BUILD ?= build

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
  -Wmissing-prototypes -Wvla -Wundef -Wformat=2 -Wimplicit-fallthrough
HARDEN = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE \
  -ftrivial-auto-var-init=zero
HARDEN_LD = -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifeq ($(DEVELOPER),1)
WARN += -Werror
endif
ZK_CFLAGS = -std=c11 -D_GNU_SOURCE -Isrc $(WARN) $(HARDEN) -pthread
LIBS = -lsodium -lsqlite3 -lcurl -lcjson -lqrencode -lmbedtls -lmbedx509 \
  -lmbedcrypto -lzstd -lhttp_parser -lm -pthread

SRC := $(wildcard src/*.c src/*/*.c)
LIBSRC := $(filter-out src/main.c %_fake.c,$(SRC))
FAKESRC := $(filter %_fake.c,$(SRC))
OBJ := $(SRC:%.c=$(BUILD)/%.o)
LIBOBJ := $(LIBSRC:%.c=$(BUILD)/%.o)
FAKEOBJ := $(FAKESRC:%.c=$(BUILD)/%.o)
UNIT := $(wildcard tests/unit/*.c)
UNITBIN := $(UNIT:tests/unit/%.c=$(BUILD)/tests/%)

Q = $(if $(V),,@)

all: $(BUILD)/zk

$(BUILD)/zk: $(BUILD)/src/main.o $(LIBOBJ)
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(ZK_CFLAGS) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS) $(ZK_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(LIBOBJ) $(FAKEOBJ)
	@mkdir -p $(@D)
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS) $(ZK_CFLAGS) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(LIBS)

unit: $(UNITBIN)

check: all unit
	@tests/run

clean:
	rm -rf $(BUILD)

-include $(OBJ:.o=.d) $(UNIT:%.c=$(BUILD)/%.d)
.PHONY: all unit check clean
.SECONDARY:
