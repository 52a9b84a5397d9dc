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
#define WRITE_ONCE(place, value) __atomic_store_n(&(place), value, __ATOMIC_RELAXED)
#ifdef SHARED_MEMORY_CHANGES
extern "C" void shared_memory_changes(void);
#define READ_ONCE(place) (shared_memory_changes(), __atomic_load_n(&(place), __ATOMIC_RELAXED))
#define smp_load_acquire(place) (shared_memory_changes(), __atomic_load_n(place, __ATOMIC_ACQUIRE))
#else
#define READ_ONCE(place) __atomic_load_n(&(place), __ATOMIC_RELAXED)
#define smp_load_acquire(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
#endif
#define smp_store_release(place, value) __atomic_store_n(place, value, __ATOMIC_RELEASE)
#define MAX_ERRNO 4095U

// How often something was said.
extern unsigned fake_messages;
template <typename... Arguments>
void dev_err(const device *, const char *, Arguments...) {
    ++fake_messages;
}

inline unsigned num_online_cpus() { return 4; }
