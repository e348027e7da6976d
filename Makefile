# SPDX-License-Identifier: GPL-2.0
#
# Two halves: the kernel modules for any kernel tree (KDIR), and the front door
# (demo, test), which brings its own tools and kernel. Kbuild reads `Kbuild`.

KDIR ?= $(or $(USBIP_KDIR),/lib/modules/$(shell uname -r)/build)
RUSTC ?= rustc
RUSTFMT ?= rustfmt
CARGO ?= cargo

# Where module builds put their files; in the toolbox never in the checkout.
OUT := $(abspath $(or $(MO),$(O),$(and $(USBIP_OUT),$(USBIP_OUT)/modules)))
CLIPPY_OUT := $(if $(OUT),$(OUT)-clippy,$(CURDIR)/.clippy)

# Unquoted below, where something is removed as well.
$(if $(word 2,$(CURDIR)),$(error the checkout's path '$(CURDIR)' has a space, which the kernel's build cannot take))
$(if $(word 2,$(OUT)),$(error the path '$(OUT)' has a space, which the kernel's build cannot take))

# To the kernel's make, O= is something else: the place of the kernel's objects.
MAKEOVERRIDES := $(filter-out O=% MO=% KDIR=%,$(MAKEOVERRIDES))
kernel_make = +$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR)
check_kdir = @tests/env/kdir-check '$(KDIR)' '$(RUSTC)'

CARGO_ARGS := --manifest-path userspace/Cargo.toml
# What is linted and formatted: the tools, and the programs of the tests.
CARGO_MANIFESTS := userspace/Cargo.toml $(foreach name,bench/inside contract faults hostile paced,tests/$(name)/Cargo.toml)
# Where cargo leaves the programs, and what is made from them for installing.
RELEASE := $(abspath $(or $(CARGO_TARGET_DIR),userspace/target))/release
MANUALS := $(RELEASE)/manuals
DEB_OUT ?= $(RELEASE)/deb
KERNEL_RS = $(wildcard *.rs) $(shell find rust -name '*.rs')
RUSTFMT_CONF = $(firstword $(wildcard $(KDIR)/.rustfmt.toml $(KDIR)/source/.rustfmt.toml))
RUSTFMT_ARGS = $(if $(RUSTFMT_CONF),--config-path $(RUSTFMT_CONF),--edition 2021)

.PHONY: help modules modules_install tools manuals install uninstall deb clippy fmt fmt-check safety rust-analyzer clean \
	setup build debug cross smoke matrix demo demo-pi test test-debug test-big-endian soak planted bench fuzz

# Somebody's own tree of another architecture is built as this machine's is: 'make modules'.
.DEFAULT_GOAL := $(if $(filter command line,$(origin ARCH)),$(if $(filter command line,$(origin KDIR)),modules,cross),help)

help:
	@echo 'With tools and kernel of their own (Debian >= 12, as root, made on first use):'
	@echo '  make demo            a USB stick crosses from one virtual machine to another'
	@echo '  make demo-pi         the stick is in an emulated Raspberry Pi 3, a PC uses it'
	@echo '  make test            all tests; T="expression" chooses some (pytest -k)'
	@echo '  make test-debug      the guest tests on a kernel that looks for errors (KERNEL=rt: a real-time one)'
	@echo '  make soak            an hour of attachments on that kernel (SOAK_SECONDS=3600)'
	@echo '  make bench           C and ours under the same load, side by side (CELLS=quick for minutes)'
	@echo '  make fuzz            fuzz all parsers, TIME=60 seconds each (TARGETS="iso status" for some)'
	@echo '  make planted         plant bugs in a copy and look for them (BUGS="decode leak" for some)'
	@echo '  make test-big-endian what reads and writes the wire, on an emulated big-endian processor'
	@echo '  make setup           only make that environment'
	@echo '  make build           only build modules and tools in it'
	@echo '  make ARCH=arm64      build them for the arm64 kernel of Debian (Raspberry Pi), the tools static'
	@echo '  make smoke           boot that kernel in QEMU: they carry data to a stick and back (ARCH=arm64)'
	@echo '  make matrix          build and try all of it on every kernel and architecture (ROWS="testing/amd64 testing/arm")'
	@echo '  make toolbox-TARGET  a target of the list below in it, with its kernel'
	@echo
	@echo 'For the kernel tree KDIR (default: that of the running kernel):'
	@echo '  make modules         build the kernel modules'
	@echo '  make modules_install install them (INSTALL_MOD_PATH=...)'
	@echo '  make tools           build usbip, usbipd and usbip-connectd'
	@echo '  make install         install tools, units, manuals (DESTDIR=..., PREFIX=/usr/local)'
	@echo '  make uninstall       remove them'
	@echo '  make deb             Debian packages: usbip-rs and usbip-rs-dkms (DEB_OUT=DIR)'
	@echo '  make clippy          lint modules and tools; warnings are errors'
	@echo '  make fmt, fmt-check  format, or check the format of, all Rust code'
	@echo '  make safety          print every use of unsafe, with its reason'
	@echo '  make rust-analyzer   write rust-project.json for editors'
	@echo '  make clean           remove what the module build has made'
	@echo 'O=DIR puts what is built into DIR instead of the checkout.'

modules:
	$(check_kdir)
	$(if $(OUT),@mkdir -p $(OUT))
	$(kernel_make) $(if $(OUT),MO=$(OUT)) modules

modules_install:
	$(check_kdir)
	$(kernel_make) $(if $(OUT),MO=$(OUT)) modules_install

tools:
	$(CARGO) build --release --locked $(CARGO_ARGS)

manuals: tools
	$(RELEASE)/usbip-manuals $(MANUALS)

install: manuals
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' userspace/packaging/place install $(RELEASE) $(MANUALS)

uninstall:
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' userspace/packaging/place uninstall

deb: manuals
	userspace/packaging/deb $(RELEASE) $(MANUALS) '$(DEB_OUT)'

clippy:
	$(check_kdir)
	@mkdir -p $(CLIPPY_OUT)
	$(kernel_make) MO=$(CLIPPY_OUT) CLIPPY=1 KRUSTFLAGS='$(KRUSTFLAGS) -Dwarnings' modules
	for manifest in $(CARGO_MANIFESTS); do \
		$(CARGO) clippy --manifest-path $$manifest --locked --workspace --all-targets -- -D warnings || exit; \
	done

fmt:
	$(RUSTFMT) $(RUSTFMT_ARGS) $(KERNEL_RS)
	for manifest in $(CARGO_MANIFESTS); do $(CARGO) fmt --manifest-path $$manifest --all || exit; done

fmt-check:
	$(RUSTFMT) --check $(RUSTFMT_ARGS) $(KERNEL_RS)
	for manifest in $(CARGO_MANIFESTS); do $(CARGO) fmt --manifest-path $$manifest --all -- --check || exit; done

safety:
	$(CARGO) run --quiet --locked $(CARGO_ARGS) --package usbip-safety

# The kernel's generator knows one level of crates: ours are added afterwards.
rust-analyzer: modules
	$(kernel_make) $(if $(OUT),MO=$(OUT)) rust-analyzer
	@tests/env/rust-project $(or $(OUT),$(CURDIR))/rust-project.json $(or $(OUT),$(CURDIR)) \
		>rust-project.json.new && mv rust-project.json.new rust-project.json

clean:
	$(if $(wildcard $(KDIR)/Makefile),$(kernel_make) $(if $(OUT),MO=$(OUT)) clean)
	rm -rf $(CLIPPY_OUT) rust-project.json

setup:
	@USBIP_GOAL=$(or $(firstword $(MAKECMDGOALS)),setup) tests/env/setup

toolbox-%: setup
	@tests/env/enter $(MAKE) --no-print-directory -j$(shell nproc) $*

build: setup
	@tests/env/enter $(MAKE) --no-print-directory -j$(shell nproc) modules tools

# For another architecture: everything but the checkout is in the cache.
cross: export USBIP_ARCH := $(ARCH)
cross:
	$(if $(filter s390x,$(ARCH)),$(error there is no kernel for s390x here: 'make test-big-endian' runs programs for it))
	@tests/env/setup cross
	@tests/env/enter $(MAKE) --no-print-directory -j$(shell nproc) modules tools
	@tests/env/enter tests/env/cross-results

smoke:
	@$(MAKE) --no-print-directory ARCH='$(or $(ARCH),arm64)' cross
	@USBIP_ARCH='$(or $(ARCH),arm64)' tests/env/enter tests/smoke/run

# ROWS of SUITE/ARCHITECTURE, T for the guest tests.
matrix: export T := $(T)
matrix: export ROWS := $(ROWS)
matrix:
	@tests/matrix

demo: build
	@tests/env/enter tests/demo/run

demo-pi: build
	@$(MAKE) --no-print-directory ARCH=arm64 cross
	@tests/demo/pi/run

# T reaches tests/run through the environment, whatever it holds.
test: export T := $(T)
test: build
	@tests/env/enter tests/run

# A kernel that looks for errors, made on first use (15 minutes): debug, with KASAN; rt; kcsan.
debug test-debug soak: export USBIP_KERNEL := $(or $(KERNEL),debug)
debug: setup
	@tests/env/setup debug
	@tests/env/enter $(MAKE) --no-print-directory -j$(shell nproc) modules tools

# T as for test, or LANE=yes for the part that finds most for its time.
test-debug: export T := $(T)
test-debug: export USBIP_LANE := $(LANE)
soak: export T := test_soak
soak: export SOAK_SECONDS := $(or $(SOAK_SECONDS),3600)
test-debug soak: debug
	@tests/env/enter tests/run

# Programs for s390x in QEMU's user mode; those that start other programs cannot run there.
test-big-endian: export USBIP_ARCH := s390x
test-big-endian:
	@tests/env/setup cross
	@tests/env/enter $(CARGO) test --locked $(CARGO_ARGS) --package usbip-protocol --package usbip-net --package usbip-sysfs

# SUITE, CELLS='PATTERN...'|quick|all, PERTURBATIONS=1..4, ACCEL=kvm for wall time instead of instructions, JOBS guests
# at a time, DOCUMENT=yes to write docs/ from less than everything.
bench: build
	@tests/env/enter tests/bench/run $(if $(SUITE),--suite='$(SUITE)') $(if $(CELLS),--cells='$(CELLS)') \
		$(if $(PERTURBATIONS),--perturbations='$(PERTURBATIONS)') $(if $(ACCEL),--accel='$(ACCEL)') \
		$(if $(JOBS),--jobs='$(JOBS)') $(if $(DOCUMENT),--document)

# TIME in seconds for each target, JOBS targets at a time.
fuzz: setup
	@tests/env/enter tests/fuzz/run $(if $(TIME),--time='$(TIME)') $(if $(JOBS),--jobs='$(JOBS)') $(TARGETS)

# BUGS of tests/planted/bugs.toml.
planted: export USBIP_KERNEL := $(or $(KERNEL),debug)
planted: setup
	@tests/env/setup debug
	@tests/env/enter tests/planted/run $(BUGS)
