// SPDX-License-Identifier: Apache-2.0
//
// What debug keys show of domains, the scheduler, memory and time.
#pragma once

namespace ringfold {

void log_memory();
void log_domains();
void log_run_queues();
void log_time();

}  // namespace ringfold
