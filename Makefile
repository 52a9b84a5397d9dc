# SPDX-License-Identifier: Apache-2.0
#
# `make help` lists the targets. COMPILER=gcc|clang and CONFIG=debug|release choose what is built, into
# build/<compiler>-<config>; BUILD=... another directory; JOBS=N how many things at once.
COMPILER ?= gcc
CONFIG ?= debug
BUILD ?= build/$(COMPILER)-$(CONFIG)
JOBS ?= 2

CXX_gcc := g++
CXX_clang := clang++
DEBUG_debug := ON
DEBUG_release := OFF

# Two clones share what they compile: paths below the clone count as relative ones.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
# What it needs to keep what includes a precompiled header.
export CCACHE_SLOPPINESS := pch_defines,time_macros
export CCACHE_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/ringfold/ccache

.DEFAULT_GOAL := all
.PHONY: help linux linux-debug-info linux-dependencies root kselftests debian xen all image unit-tests tools-tests demo run run-bare bench-micro bench-io bench-domains iso deb test check clean nightly hwprobe fuzz abi dependencies

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' $(MAKEFILE_LIST) | expand -t 18

dependencies:
	@scripts/install-dependencies

$(BUILD)/build.ninja: | dependencies
	@mkdir -p build
	@cmake -G Ninja -S . -B $(BUILD) -DCMAKE_CXX_COMPILER=$(CXX_$(COMPILER)) -DRINGFOLD_DEBUG=$(DEBUG_$(CONFIG)) > $(BUILD).log 2>&1 \
		|| { cat $(BUILD).log; exit 1; }

all: $(BUILD)/build.ninja ## everything that is built so far: hypervisor image, test guests, dom0's tools
	@ninja -C $(BUILD) -j $(JOBS)

image: $(BUILD)/build.ninja ## the hypervisor only
	@ninja -C $(BUILD) -j $(JOBS) ringfold

unit-tests: $(BUILD)/build.ninja
	@ninja -C $(BUILD) -j $(JOBS) unit-tests

tools-tests: $(BUILD)/build.ninja
	@ninja -C $(BUILD) -j $(JOBS) tools-unit-tests

demo: all linux root ## boot Ringfold in QEMU: tiny guests on two CPUs, then Linux guests beside Linux
	@scripts/demo $(BUILD)

run: all linux root ## a shell in the control domain, with hvctl, in QEMU on this terminal
	@tests/testhost run --build $(BUILD) --smp 2

run-bare: image ## boot the bare hypervisor in QEMU on this terminal (ARGS: its command line; QEMU: more options)
	@scripts/run-qemu $(BUILD)/ringfold "$(ARGS)" $(QEMU)

linux-dependencies:
	@scripts/install-dependencies linux

linux: linux-dependencies ## the guest kernel: Debian's Linux 6.1 with the port, in build/linux
	@guest-patches/linux/build --jobs $(JOBS) build/linux

linux-debug-info: linux-dependencies ## the same kernel with debug information for crash and gdb, in build/linux-debug-info
	@scripts/install-dependencies debug-info
	@guest-patches/linux/build --jobs $(JOBS) --debug-info build/linux-debug-info

root: build/testhost/root.cpio build/testhost/tools.img ## the root file system of test machines, and a disk with test programs

build/testhost/root.cpio: $(addprefix tests/root/,make-root init ia32.asm hypercall.c trace_device.c) \
		$(wildcard guest-patches/linux/files/include/uapi/linux/*.h) | linux-dependencies
	@tests/root/make-root $@

build/testhost/tools.img: $(addprefix tests/root/,make-tools disk_image.py) | linux-dependencies
	@tests/root/make-tools $@

debian: build/testhost/debian.img ## a disk with Debian 12, from which guests and control domains boot

build/testhost/debian.img: tests/root/make-debian split-drivers/60-ringfold-disks.rules
	@scripts/install-dependencies debian
	@tests/root/make-debian $@

xen: build/testhost/xen/xen.gz ## Debian's Xen, for bench-micro and bench-io; nothing is installed

build/testhost/xen/xen.gz: $(addprefix tests/root/,make-xen disk_image.py)
	@tests/root/make-xen $(@D)

kselftests: build/testhost/kselftests.img ## a disk with the guest kernel's own self-tests

build/testhost/kselftests.img: $(addprefix tests/root/,make-kselftests disk_image.py) $(wildcard /usr/src/linux-source-6.1.tar.xz) | linux
	@JOBS=$(JOBS) tests/root/make-kselftests $@

bench-micro: linux root ## basic operations of Linux on Ringfold, as ratios to the bare machine
	@$(MAKE) --no-print-directory CONFIG=release image
	@tests/bench/run-micro

bench-io: all linux root ## disks and networks of guests, beside what the control domain gets and, after `make xen`, beside Xen
	@$(MAKE) --no-print-directory CONFIG=release image
	@tests/bench/run-io

bench-domains: linux root ## making, listing and ending guests, beside the bare machine
	@$(MAKE) --no-print-directory CONFIG=release all
	@tests/bench/run-domains

iso: image ## a bootable CD image with the hypervisor (GRUB, multiboot2)
	@scripts/make-iso $(BUILD)/ringfold.iso $(BUILD)/ringfold "$(ARGS)"

deb: $(BUILD)/build.ninja ## the Debian package of dom0's tools, in build/
	@ninja -C $(BUILD) -j $(JOBS) hvctl hvd
	@scripts/make-deb $(BUILD)

test: dependencies ## every test of a change: both compilers, unit tests, boots, guests
	@scripts/test --jobs $(JOBS)

check: dependencies ## format and lint
	@scripts/check

nightly: dependencies ## what takes long: tests again in Bochs, more fuzzing, every configuration
	@scripts/test --jobs $(JOBS) --nightly

hwprobe: dependencies ## a bootable image that shows what a processor does in ring 1
	@tests/hwprobe/build.sh build/hwprobe

fuzz: dependencies ## fuzz the hypercalls, the page-table batch and the parsers (SECONDS each)
	@JOBS=$(JOBS) scripts/fuzz $(SECONDS)

abi: ## write docs/abi.md again, from abi/hypercalls.toml
	@tools/generate-abi.py --reference docs/abi.md

clean: ## removes build/
	rm -rf build
