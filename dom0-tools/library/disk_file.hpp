// SPDX-License-Identifier: Apache-2.0
//
// What a disk's target is: a block device, or a file behind a loop device that goes when its last user does.
#pragma once

#include "dom0-tools/library/descriptor.hpp"
#include "dom0-tools/library/disk_config.hpp"

namespace ringfold::tools {

// An open block device.
[[nodiscard]] Outcome<Descriptor> open_disk(const DiskConfig &disk);
// A block device (as in st_rdev) that is a file's: it gets the size that the file has now. Others know theirs.
[[nodiscard]] Outcome<void> refresh_size(uint64_t block_device);

}  // namespace ringfold::tools
