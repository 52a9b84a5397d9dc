// SPDX-License-Identifier: Apache-2.0
#include "framework/console.hpp"

#include "framework/call_buffer.hpp"
#include "framework/format.hpp"
#include "framework/hypercall.hpp"

namespace guest {

void print(const char *text, ...) {
    va_list arguments;
    va_start(arguments, text);
    const size_t length = format(console_buffer(), page_size, text, arguments);
    va_end(arguments);
    for (uint64_t done = 0; done < length;) {
        const Result result = hypercall(RINGFOLD_HYPERCALL_CONSOLE_WRITE, console_offset + done, length - done);
        if (!result.ok() && result.status != -RINGFOLD_EAGAIN) {
            return;
        }
        done += result.value;
    }
}

}  // namespace guest
