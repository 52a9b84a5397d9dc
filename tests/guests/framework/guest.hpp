// SPDX-License-Identifier: Apache-2.0
//
// Everything a test includes. A test defines guest_main(); it runs on vCPU 0 with the entry points registered, upcalls
// disabled and nothing mapped in the lower half. Returning from it gives the verdict.
#pragma once

#include "framework/call_buffer.hpp"
#include "framework/command_line.hpp"
#include "framework/console.hpp"
#include "framework/entries.hpp"
#include "framework/entry_frame.hpp"
#include "framework/event.hpp"
#include "framework/frame_numbers.hpp"
#include "framework/hypercall.hpp"
#include "framework/instructions.hpp"
#include "framework/memory.hpp"
#include "framework/page_table.hpp"
#include "framework/random.hpp"
#include "framework/time.hpp"
#include "framework/user.hpp"
#include "framework/vcpu.hpp"
#include "framework/verdict.hpp"

void guest_main();
