// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/config_file.hpp"
#include "dom0-tools/library/nearest.hpp"
#include "dom0-tools/library/values.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ringfold::tools {
namespace {

constexpr std::string_view sound = R"(# a guest
name = "web"
kernel = "/boot/vmlinux"
ramdisk = "initrd"
memory = 256
maxmem = "1G"
vcpus = 2
maxvcpus = 4
cpus = ["0-1", "^0", 3]
root = "/dev/ram0"
extra = "quiet"
cpu_weight = 512
cap = 150
on_crash = "coredump-restart"
on_poweroff = "preserve"
disk = ["target=/dev/vg/web,access=rw,queues=2,rate=5MB/s", "/srv/tools.img,raw,xvdd,r"]
vif = ["mac=02:00:00:00:00:a1, bridge=br0, mtu=9000", "rate=10Mb/s"]
)";

Outcome<DomainConfig> read(std::string_view text, const std::vector<std::string> &settings = {}) {
    return read_config(text, "web.toml", settings);
}

std::string mistake(std::string_view text, const std::vector<std::string> &settings = {}) {
    const auto config = read(text, settings);
    return config.ok() ? "no mistake" : config.error().text;
}

TEST(Config, EachKeyArrives) {
    const auto read_one = read(sound);
    ASSERT_TRUE(read_one.ok()) << read_one.error().text;
    const DomainConfig &config = read_one.value();
    EXPECT_EQ(config.name, "web");
    EXPECT_EQ(config.kernel, "/boot/vmlinux");
    EXPECT_EQ(config.ramdisk, "initrd");
    EXPECT_EQ(config.memory_mib, 256U);
    EXPECT_EQ(config.maximum().raw(), 262144U);
    EXPECT_EQ(config.vcpus, 2U);
    EXPECT_EQ(config.maximum_vcpus, 4U);
    EXPECT_EQ(config.cpus, (std::vector<uint64_t>{3, ~uint64_t{1}, 8}));
    EXPECT_EQ(config.command_line, "root=/dev/ram0 quiet");
    EXPECT_EQ(config.weight, 512U);
    EXPECT_EQ(config.cap, 150U);
    EXPECT_EQ(config.on_crash, EndAction::coredump_restart);
    EXPECT_EQ(config.on_poweroff, EndAction::preserve);
    EXPECT_EQ(config.on_reboot, EndAction::restart);
    EXPECT_EQ(config.disks,
              (std::vector<DiskConfig>{
                  {.target = "/dev/vg/web", .number = 0, .read_only = false, .queues = 2, .rate = 5000000},
                  {.target = "/srv/tools.img", .number = 3, .read_only = true}}));
    const HardwareAddress address{{2, 0, 0, 0, 0, 0xa1}};
    EXPECT_EQ(config.networks,
              (std::vector<NetworkConfig>{{.number = 0, .address = address, .bridge = "br0", .mtu = 9000},
                                          {.number = 1, .rate = 1250000}}));
}

TEST(Config, MistakesInDisksAreTold) {
    const auto disk = [](const std::string &text) {
        return mistake("name = \"web\"\nkernel = \"k\"\ndisk = [" + text + "]\n");
    };
    EXPECT_EQ(disk(R"("target=/dev/a,acess=rw")"),
              R"(web.toml:3: disk: "target=/dev/a,acess=rw": unknown key "acess"; did you mean "access"?)");
    EXPECT_EQ(disk(R"("target=/dev/a,access=x")"),
              R"(web.toml:3: disk: "target=/dev/a,access=x": access "x": expected rw or ro)");
    EXPECT_EQ(disk(R"("access=rw")"), R"(web.toml:3: disk: "access=rw": target is missing)");
    EXPECT_EQ(
        disk(R"("/dev/a,qcow2")"),
        R"(web.toml:3: disk: "/dev/a,qcow2": format "qcow2": only raw is served; qemu-nbd makes a block device of others)");
    EXPECT_EQ(disk(R"("/dev/a,raw,rd1")"), R"(web.toml:3: disk: "/dev/a,raw,rd1": vdev "rd1": expected rda to rdbl)");
    EXPECT_EQ(disk(R"("/dev/a", "/dev/b,raw,rda")"), "web.toml: disk: /dev/a and /dev/b are both rda");
    EXPECT_EQ(disk("1"), "web.toml:3: disk: expected a text in quotes, found a whole number");
}

TEST(Config, MistakesInNetworkInterfacesAreTold) {
    const auto network = [](const std::string &text) {
        return mistake("name = \"web\"\nkernel = \"k\"\nvif = [" + text + "]\n");
    };
    EXPECT_EQ(network(R"("brigde=br0")"),
              R"(web.toml:3: vif: "brigde=br0": unknown key "brigde"; did you mean "bridge"?)");
    EXPECT_EQ(network(R"("br0")"), R"(web.toml:3: vif: "br0": "br0": expected KEY=VALUE)");
    EXPECT_EQ(network(R"("mac=2:0:0:0:0:1")"),
              R"(web.toml:3: vif: "mac=2:0:0:0:0:1": mac "2:0:0:0:0:1": expected six bytes like 02:00:00:00:00:01)");
    EXPECT_EQ(network(R"("mac=ff:ff:ff:ff:ff:ff")"),
              R"(web.toml:3: vif: "mac=ff:ff:ff:ff:ff:ff": mac "ff:ff:ff:ff:ff:ff": )"
              "expected the address of one interface, not of a group");
    EXPECT_EQ(network(R"("rate=10")"), R"(web.toml:3: vif: "rate=10": rate "10": )"
                                       "expected a whole number with Kb/s, Mb/s, Gb/s, KB/s, MB/s or GB/s");
    EXPECT_EQ(network(R"("bridge=a/b")"),
              R"(web.toml:3: vif: "bridge=a/b": bridge "a/b": expected the name of an interface)");
    EXPECT_EQ(network(R"("mac=02:00:00:00:00:01", "mac=02:00:00:00:00:01")"),
              "web.toml: vif: two interfaces have mac 02:00:00:00:00:01");
}

TEST(Config, GeneratedAddressesAreStableAndDiffer) {
    EXPECT_EQ(generated_address("web", 0).text(), "fe:79:61:09:2e:4d");
    EXPECT_NE(generated_address("web", 0), generated_address("web", 1));
    EXPECT_NE(generated_address("web", 0), generated_address("mail", 0));
    for (uint32_t number = 0; number < 256; ++number) {
        EXPECT_EQ(generated_address("web", number).bytes[0] & 3, 2) << "locally administered, of one interface";
    }
}

TEST(Config, DisksHaveNames) {
    EXPECT_EQ(disk_name(0), "rda");
    EXPECT_EQ(disk_name(25), "rdz");
    EXPECT_EQ(disk_name(26), "rdaa");
    EXPECT_EQ(disk_name(63), "rdbl");
    EXPECT_EQ(parse_disk("/dev/a,raw,rdaa", 0).value().number, 26U);
}

TEST(Config, SurvivesJson) {
    DomainConfig config = read(sound).take();
    const auto back = config_from_json(nlohmann::json::parse(to_json(config).dump()));
    ASSERT_TRUE(back.ok()) << back.error().text;
    EXPECT_EQ(back.value(), config);
}

TEST(Config, AMistakeNamesFileLineKeyAndWhatWasMeant) {
    const auto with = [](std::string_view line) { return std::string{sound} + std::string{line} + "\n"; };
    EXPECT_EQ(mistake(with("memroy = 3")), "web.toml:18: unknown key \"memroy\"; did you mean \"memory\"?");
    EXPECT_EQ(mistake(with("qqqqqqqq = 3")), "web.toml:18: unknown key \"qqqqqqqq\"");
    EXPECT_EQ(mistake("name = 3\n"), "web.toml:1: name: expected a text in quotes, found a whole number");
    EXPECT_EQ(mistake("\nmemory = -1\n"), "web.toml:2: memory: -1: expected a number from 1 to 4294967296");
    EXPECT_EQ(mistake("vcpus = 65\n"), "web.toml:1: vcpus: 65: expected a number from 1 to 64");
    EXPECT_EQ(mistake("on_crash = \"reboot\"\n"),
              "web.toml:1: on_crash: \"reboot\": expected one of \"destroy\", \"restart\", \"preserve\", "
              "\"coredump-destroy\", \"coredump-restart\"");
    EXPECT_EQ(mistake("memory = \"256X\"\n"),
              "web.toml:1: memory: \"256X\": expected MiB, or a number with K, M, G or T, like \"256M\"");
    EXPECT_EQ(mistake("cpus = \"3-1\"\n"),
              "web.toml:1: cpus: \"3-1\": expected CPUs like \"0-3,^1\" or \"all\"; 3-1 runs backwards");
    EXPECT_EQ(mistake("type = \"hvm\"\n"),
              "web.toml:1: type: \"hvm\": expected \"pv\": Ringfold's guests are paravirtualized");
    EXPECT_EQ(mistake("cap = 1.5\n"),
              "web.toml:1: cap: expected a number from 0 to 6400, found a number with a fraction");
    EXPECT_EQ(mistake("name = \"a\nb\"\n").substr(0, 11), "web.toml:1:") << mistake("name = \"a\nb\"\n");
    EXPECT_EQ(mistake("name = \"a\"\nname = \"b\"\n").substr(0, 11), "web.toml:2:");
}

TEST(Config, WhatIsMissingOrDoesNotFitTogetherIsSaid) {
    EXPECT_EQ(mistake("kernel = \"k\"\n"), "web.toml: name is missing");
    EXPECT_EQ(mistake("name = \"a\"\n"), "web.toml: kernel is missing: the path of an ELF image or a bzImage");
    const std::string both = "name = \"a\"\nkernel = \"k\"\n";
    EXPECT_EQ(mistake(both + "maxmem = 64\n"), "web.toml: maxmem = 64 is less than memory = 128");
    EXPECT_EQ(mistake(both + "vcpus = 3\nmaxvcpus = 2\n"), "web.toml: maxvcpus = 2 is less than vcpus = 3");
    for (const char *name : {"7", "a b", "-a", "", "abcdefghijklmnopqrstuvwxyz012345", "a/b"}) {
        EXPECT_FALSE(is_domain_name(name)) << name;
    }
}

TEST(Config, NoMoreDevicesThanTheControlPageHas) {
    const auto with = [](int disks, int networks) {
        std::string text = "name = \"a\"\nkernel = \"k\"\ndisk = [";
        for (int index = 0; index < disks; ++index) {
            text += "\"/dev/a\",";
        }
        text += "]\nvif = [";
        for (int index = 0; index < networks; ++index) {
            text += "\"\",";
        }
        return mistake(text + "]\n");
    };
    EXPECT_EQ(with(64, 0), "no mistake");
    EXPECT_EQ(with(30, 34), "no mistake");
    EXPECT_EQ(with(65, 0), "web.toml: disk and vif: 65 devices: expected at most 64");
    EXPECT_EQ(with(0, 65), "web.toml: disk and vif: 65 devices: expected at most 64");
    EXPECT_EQ(with(32, 33), "web.toml: disk and vif: 65 devices: expected at most 64");
}

// What toml++ asserted, or took for impossible.
TEST(Config, WhatTheTomlLibraryDoesNotExpectIsAMistakeWithALine) {
    for (const char *line :
         {"[!a]", "a = 12:x", "a = 1979-05-27T12:34:5x", "\u00e4 = 1", "A\u0496a = 1", "[a.\u00e4]"}) {
        const std::string text = mistake("name = \"a\"\n" + std::string{line} + "\n");
        EXPECT_EQ(text.substr(0, 11), "web.toml:2:") << line << ": " << text;
    }
    EXPECT_EQ(mistake("name = \"a\"\nkernel = \"/boot/\u00e4\" # \u0496\n"), "no mistake");
}

TEST(Config, WhatIsTooLargeIsRefused) {
    const std::string comment(16'384, '#');
    EXPECT_EQ(mistake(comment), "web.toml: name is missing");
    EXPECT_EQ(mistake(comment + "\n"), "web.toml: 16385 bytes: expected at most 16384");
    EXPECT_EQ(mistake("", {"extra=" + comment}), "--set extra=##############...: 16390 bytes: expected at most 16384");
}

TEST(Config, ATextCannotBeCutOffByItself) {
    EXPECT_EQ(mistake("kernel = \"a\\u0000b\"\n"), "web.toml:1: kernel: expected a text without \\u0000");
    EXPECT_EQ(mistake("disk = [\"/dev/a\\u0000b\"]\n"), "web.toml:1: disk: expected a text without \\u0000");
}

TEST(Config, DevicesAreRefusedUntilTheyAreThere) {
    for (const char *key : {"pci", "vfb"}) {
        const auto config = read(std::string{key} + " = [\"x\"]\n");
        ASSERT_FALSE(config.ok());
        EXPECT_EQ(config.error().kind, Kind::unsupported);
        EXPECT_NE(config.error().text.find("not supported yet"), std::string::npos);
    }
}

TEST(Config, SettingsReplaceWhatTheFileSays) {
    const auto config = read(sound, {"memory=64", "name=other", "cap = 7", "maxmem = \"2G\"", "memory=96"});
    ASSERT_TRUE(config.ok()) << config.error().text;
    EXPECT_EQ(config.value().memory_mib, 96U);
    EXPECT_EQ(config.value().name, "other");
    EXPECT_EQ(config.value().cap, 7U);
    EXPECT_EQ(config.value().maximum_mib, 2048U);
    EXPECT_EQ(mistake(sound, {"vcpu=3"}), "--set vcpu=3: unknown key \"vcpu\"; did you mean \"vcpus\"?");
    EXPECT_EQ(mistake(sound, {"vcpus=many"}), "--set vcpus=many: vcpus: expected a number from 1 to 64, found a text");
    EXPECT_EQ(mistake(sound, {"vcpus"}), "--set vcpus: expected KEY=VALUE");
    EXPECT_EQ(read(sound, {"ramdisk = /boot/it's \u00e4 \"disk\""}).value().ramdisk, "/boot/it's \u00e4 \"disk\"");
    EXPECT_EQ(mistake(sound, {"kernel=/boot/\xff"}).substr(0, 21), "--set kernel=/boot/\xff:");
}

TEST(Values, CpuSets) {
    EXPECT_EQ(parse_cpus("0-3,^1").value(), 0b1101U);
    EXPECT_EQ(parse_cpus("63").value(), uint64_t{1} << 63);
    EXPECT_EQ(parse_cpus("0-63").value(), ~uint64_t{0});
    EXPECT_EQ(parse_cpus("^0").value(), ~uint64_t{1});
    for (const char *wrong : {"", "64", "a", "1-", "-1", "0,^0", "1--2", "0 1"}) {
        EXPECT_FALSE(parse_cpus(wrong).ok()) << wrong;
    }
    for (const uint64_t set : {uint64_t{1}, uint64_t{0b1101}, ~uint64_t{0}, uint64_t{1} << 63, ~uint64_t{0} << 32}) {
        EXPECT_EQ(parse_cpus(format_cpus(set)).value(), set) << format_cpus(set);
    }
}

TEST(Values, Memory) {
    EXPECT_EQ(parse_mebibytes("256").value(), 256U);
    EXPECT_EQ(parse_mebibytes("256M").value(), 256U);
    EXPECT_EQ(parse_mebibytes("2g").value(), 2048U);
    EXPECT_EQ(parse_mebibytes("2GiB").value(), 2048U);
    EXPECT_EQ(parse_mebibytes("2048K").value(), 2U);
    for (const char *wrong : {"", "0", "M", "1500K", "99999999999G", "-1", "1 G", "0x10"}) {
        EXPECT_FALSE(parse_mebibytes(wrong).ok()) << wrong;
    }
}

TEST(Nearest, CountsChanges) {
    EXPECT_EQ(distance("memory", "memory"), 0U);
    EXPECT_EQ(distance("memroy", "memory"), 1U);
    EXPECT_EQ(distance("", "abc"), 3U);
    EXPECT_EQ(distance("kitten", "sitting"), 3U);
}

}  // namespace
}  // namespace ringfold::tools
