// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/hvctl/command.hpp"
#include "dom0-tools/hvctl/table.hpp"
#include "dom0-tools/hvctl/terminal.hpp"
#include "dom0-tools/library/hypercall_text.hpp"

#include <ringfold/base.h>
#include <ringfold/hypercall_numbers.h>

#include <gtest/gtest.h>

namespace ringfold::tools {
namespace {

const std::vector<std::string> commands{"create", "console", "list", "pause", "destroy", "debug-keys", "dmesg"};

TEST(CompleteCommand, TakesAClearPrefix) {
    EXPECT_EQ(complete_command("li", commands).value(), "list");
    EXPECT_EQ(complete_command("list", commands).value(), "list");
    EXPECT_EQ(complete_command("d", commands).error().text, "\"d\" may be destroy, debug-keys, dmesg");
    EXPECT_EQ(complete_command("lsit", commands).error().text, "there is no command \"lsit\"; did you mean \"list\"?");
    EXPECT_EQ(complete_command("zzzzzzz", commands).error().kind, Kind::usage);
}

TEST(Terminal, WhatStandsBeforeTheDetachKeyIsPassedOn) {
    bool detached = true;
    EXPECT_EQ(before_detach("abc", detached), "abc");
    EXPECT_FALSE(detached);
    EXPECT_EQ(before_detach("ab\x1d"
                            "cd",
                            detached),
              "ab");
    EXPECT_TRUE(detached);
}

TEST(TableTest, ColumnsAreAsWideAsTheyNeed) {
    Table table({{"NAME"}, {"ID", true}});
    table.add({"a long name", "7"});
    table.add({"b", "1234"});
    EXPECT_EQ(table.text(), "NAME           ID\na long name     7\nb            1234\n");
}

TEST(HypercallText, SaysWhatTheAbiSays) {
    const Failure failure = hypercall_failure(RINGFOLD_HYPERCALL_DOMAIN_POPULATE, -RINGFOLD_ENOMEM);
    EXPECT_EQ(failure.kind, Kind::memory);
    EXPECT_EQ(failure.text,
              "domain_populate: the domain's maximum or the machine's memory is reached, or it is dying (ENOMEM)");
    EXPECT_EQ(hypercall_failure(RINGFOLD_HYPERCALL_YIELD, -RINGFOLD_ENOSYS).kind, Kind::unsupported);
}

TEST(Kinds, NamesAndStatusesAreDistinct) {
    for (const Kind kind : {Kind::failed, Kind::usage, Kind::not_found, Kind::exists, Kind::busy, Kind::configuration,
                            Kind::image, Kind::memory, Kind::unsupported, Kind::permission, Kind::connection}) {
        EXPECT_EQ(kind_named(name_of(kind)), kind);
        EXPECT_GT(exit_status(kind), 0);
    }
}

}  // namespace
}  // namespace ringfold::tools
