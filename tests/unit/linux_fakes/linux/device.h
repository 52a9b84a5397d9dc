// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/types.h>

#include <cerrno>
#include <cstddef>

struct device_driver {
    const char *name;
};

struct device {
    device_driver *driver;
};

#define container_of(pointer, type, member) \
    reinterpret_cast<type *>(reinterpret_cast<char *>(pointer) - offsetof(type, member))
#define READ_ONCE(place) __atomic_load_n(&(place), __ATOMIC_RELAXED)
#define WRITE_ONCE(place, value) __atomic_store_n(&(place), value, __ATOMIC_RELAXED)
#define smp_load_acquire(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
#define smp_store_release(place, value) __atomic_store_n(place, value, __ATOMIC_RELEASE)
#define MAX_ERRNO 4095U

// How often something was said.
extern unsigned fake_messages;
template <typename... Arguments>
void dev_err(const device *, const char *, Arguments...) {
    ++fake_messages;
}

inline unsigned num_online_cpus() { return 4; }
