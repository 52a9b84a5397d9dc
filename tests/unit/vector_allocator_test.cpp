// SPDX-License-Identifier: Apache-2.0
#include "hypervisor/platform/vector_allocator.hpp"

#include <gtest/gtest.h>

#include <set>

namespace ringfold {
namespace {

TEST(VectorAllocator, GivesEachDeviceVectorOnce) {
    VectorAllocator vectors;
    std::set<unsigned> given;
    for (;;) {
        const Result<uint8_t> vector = vectors.allocate();
        if (!vector.ok()) {
            EXPECT_EQ(vector.error(), Error::limit_reached);
            break;
        }
        EXPECT_TRUE(is_device_vector(vector.value()));
        EXPECT_TRUE(vectors.is_taken(vector.value()));
        EXPECT_TRUE(given.insert(vector.value()).second);
    }
    EXPECT_EQ(given.size(), vector_device_last - vector_device_first + 1U - 2U);  // INT 0x80 and the slow return
    EXPECT_FALSE(given.contains(vector_int80));
    EXPECT_FALSE(given.contains(vector_slow_return));
}

TEST(VectorAllocator, OneThatWasGivenBackComesLast) {
    VectorAllocator vectors;
    const uint8_t first = vectors.allocate().take();
    vectors.free(first);
    EXPECT_FALSE(vectors.is_taken(first));
    unsigned others = 0;
    while (vectors.allocate().take() != first) {
        ++others;
    }
    EXPECT_EQ(others, vector_device_last - vector_device_first + 1U - 2U - 1U);
}

}  // namespace
}  // namespace ringfold
