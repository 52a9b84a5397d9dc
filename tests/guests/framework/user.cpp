// SPDX-License-Identifier: Apache-2.0
#include "framework/user.hpp"

#include "framework/memory.hpp"
#include "framework/page_table.hpp"
#include "framework/time.hpp"
#include "framework/vcpu.hpp"

namespace guest {
namespace {

extern "C" const char user_start[];
extern "C" const char user_data_start[];
extern "C" const char user_end[];

constexpr uint64_t stack_pages = 4;

}  // namespace

uint64_t user_address(const volatile void *object) {
    return user_base + (reinterpret_cast<uint64_t>(object) - reinterpret_cast<uint64_t>(user_start));
}

void set_up_user() {
    for (const char *page = user_start; page < user_end; page += page_size) {
        map_page(user_address(page), entry_for(machine_frame_at(page), page < user_data_start ? user_code : user_data));
    }
    for (uint64_t page = 1; page <= stack_pages; ++page) {
        map_page(user_stack_top - page * page_size, entry_for(machine_frame(allocate_frame()), user_data));
    }
}

Entry run_user(const Frame &frame) {
    return catch_entry([&frame] {
        disable_upcalls();  // until the window: an upcall on the way would find the return area half written
        return_to_frame(&frame);
    });
}

}  // namespace guest
