// SPDX-License-Identifier: Apache-2.0
#include "dom0-tools/library/run_protocol.hpp"

#include "dom0-tools/library/values.hpp"

#include <fmt/core.h>

namespace ringfold::tools {

namespace {

constexpr std::size_t longest_head = 16;  // behind the token
constexpr std::size_t other_text_kept = 16384;
constexpr uint64_t highest_status = 255;
constexpr char system_request_mark = 0x0f;
constexpr char escape_mark = 0x10;
constexpr char escaped_system_request = 'O';

struct Head {
    RunFrameKind kind;
    uint64_t number;
};

bool has_bytes(RunFrameKind kind) {
    return kind == RunFrameKind::input || kind == RunFrameKind::output || kind == RunFrameKind::error;
}

// The highest number that stands in a frame's head; nothing: there is no such kind.
std::optional<uint64_t> highest_number(RunFrameKind kind) {
    switch (kind) {
        case RunFrameKind::input:
            return 2 * run_input_bytes;
        case RunFrameKind::wanted:
            return run_input_bytes;
        case RunFrameKind::output:
        case RunFrameKind::error:
            return run_frame_bytes;
        case RunFrameKind::acknowledgement:
            return 0;
        case RunFrameKind::exit:
            return highest_status;
    }
    return std::nullopt;
}

// "KIND NUMBER".
std::optional<Head> head_from(std::string_view text) {
    if (text.size() < 3 || text[1] != ' ') {
        return std::nullopt;
    }
    const auto kind = static_cast<RunFrameKind>(text[0]);
    const std::optional<uint64_t> highest = highest_number(kind);
    if (!highest) {
        return std::nullopt;
    }
    const Outcome<uint64_t> number = parse_number(text.substr(2), 0, *highest);
    return number.ok() ? std::optional{Head{kind, number.value()}} : std::nullopt;
}

std::string list_text(const std::vector<std::string> &words) {
    std::string text = fmt::format("{}", words.size()) + '\0';
    for (const std::string &word : words) {
        text += word + '\0';
    }
    return text;
}

// Texts that end with a zero.
class TextReader {
  public:
    explicit TextReader(std::string_view text) : text_(text) {}

    Outcome<std::string> text() {
        const std::size_t end = text_.find('\0');
        if (end == std::string_view::npos) {
            return Failure{Kind::failed, "the command of this guest is cut off"};
        }
        const std::string found(text_.substr(0, end));
        text_.remove_prefix(end + 1);
        return found;
    }

    Outcome<std::vector<std::string>> list() {
        const std::string written_count = TRY(text());
        const uint64_t count = TRY(parse_number(written_count, 0, text_.size()));
        std::vector<std::string> words;
        for (uint64_t number = 0; number < count; ++number) {
            words.push_back(TRY(text()));
        }
        return words;
    }

  private:
    std::string_view text_;
};

}  // namespace

std::string run_frame(std::string_view token, RunFrameKind kind, std::string_view bytes) {
    return run_frame(token, kind, static_cast<uint32_t>(bytes.size())).append(bytes);
}

std::string run_frame(std::string_view token, RunFrameKind kind, uint32_t number) {
    return fmt::format("{}{} {} {}\n", run_frame_mark, token, static_cast<char>(kind), number);
}

std::string escape_input(std::string_view bytes) {
    std::string escaped;
    for (const char byte : bytes) {
        if (byte == system_request_mark || byte == escape_mark) {
            escaped += escape_mark;
        }
        escaped += byte == system_request_mark ? escaped_system_request : byte;
    }
    return escaped;
}

std::string unescape_input(std::string_view escaped) {
    std::string bytes;
    bool is_escaped = false;
    for (const char byte : escaped) {
        if (!is_escaped && byte == escape_mark) {
            is_escaped = true;
            continue;
        }
        bytes += is_escaped && byte == escaped_system_request ? system_request_mark : byte;
        is_escaped = false;
    }
    return bytes;
}

void RunReader::pass_over(std::size_t length) {
    other_.append(input_, 0, length);
    input_.erase(0, length);
    if (other_.size() > other_text_kept) {
        other_.erase(0, other_.size() - other_text_kept);
    }
}

std::optional<RunFrame> RunReader::next() {
    for (;;) {
        const std::size_t begin = input_.find(begin_);
        if (begin == std::string::npos) {
            // The last bytes may be the first ones of a frame.
            const std::size_t last_mark = input_.rfind(run_frame_mark);
            const bool may_begin = last_mark != std::string::npos && input_.size() - last_mark < begin_.size();
            pass_over(may_begin ? last_mark : input_.size());
            return std::nullopt;
        }
        pass_over(begin);
        const std::size_t end = input_.find('\n', begin_.size());
        if (end == std::string::npos && input_.size() < begin_.size() + longest_head) {
            return std::nullopt;
        }
        const std::optional<Head> head =
            end == std::string::npos ? std::nullopt
                                     : head_from(std::string_view{input_}.substr(begin_.size(), end - begin_.size()));
        if (!head) {
            pass_over(begin_.size());
            continue;
        }
        if (!has_bytes(head->kind)) {
            input_.erase(0, end + 1);
            return RunFrame{head->kind, {}, static_cast<uint32_t>(head->number)};
        }
        if (input_.size() < end + 1 + head->number) {
            return std::nullopt;
        }
        RunFrame frame{head->kind, input_.substr(end + 1, head->number), 0};
        input_.erase(0, end + 1 + head->number);
        return frame;
    }
}

std::string to_text(const RunCommand &command) {
    return command.token + '\0' + command.directory + '\0' + (command.has_input ? "1" : "0") + '\0' +
           list_text(command.environment) + list_text(command.words);
}

Outcome<RunCommand> run_command_from(std::string_view text) {
    TextReader reader(text);
    RunCommand command;
    command.token = TRY(reader.text());
    command.directory = TRY(reader.text());
    command.has_input = TRY(reader.text()) == "1";
    command.environment = TRY(reader.list());
    command.words = TRY(reader.list());
    if (command.words.empty()) {
        return Failure{Kind::failed, "this guest has no command"};
    }
    return command;
}

}  // namespace ringfold::tools
