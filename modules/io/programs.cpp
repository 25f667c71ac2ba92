module;

#include <errno.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

module nbm:io.programs;

import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

/// How another program ended. `problem` is empty when it could be started and ended with status 0.
struct ProgramResult {
    bool started = false;
    std::string problem;
    std::string errors;  ///< what it wrote to its standard error, at most 64 KiB
};

/// A file in memory, for the standard streams of a program: unlike a pipe it neither fills up nor raises SIGPIPE.
class MemoryFile {
public:
    explicit MemoryFile(const char* name) : file_(::memfd_create(name, MFD_CLOEXEC)) {
        if (file_ < 0) { throw Error(fmt::format("no file can be made in memory: {}", std::strerror(errno))); }
    }
    MemoryFile(const MemoryFile&) = delete;
    auto operator=(const MemoryFile&) -> MemoryFile& = delete;
    ~MemoryFile() { ::close(file_); }

    auto descriptor() const -> int { return file_; }

    auto fill(std::string_view text) const -> void {
        while (!text.empty()) {
            const auto wrote = ::write(file_, text.data(), text.size());
            if (wrote < 0 && errno == EINTR) { continue; }
            if (wrote < 0) { throw Error(fmt::format("a file in memory cannot be written: {}", std::strerror(errno))); }
            text.remove_prefix(static_cast<std::size_t>(wrote));
        }
        ::lseek(file_, 0, SEEK_SET);
    }

    auto text() const -> std::string {
        auto result = std::string(std::size_t{1} << 16U, '\0');
        const auto got = ::pread(file_, result.data(), result.size(), 0);
        result.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return result;
    }

private:
    int file_;
};

/// "" for status 0. A program whose status nobody kept, since the process ignores SIGCHLD, counts as ended well.
auto wait_for(pid_t program) -> std::string {
    auto status = 0;
    while (::waitpid(program, &status, 0) < 0) {
        if (errno != EINTR) { return {}; }
    }
    if (WIFSIGNALED(status)) { return fmt::format("was ended by signal {}", WTERMSIG(status)); }
    return WEXITSTATUS(status) == 0 ? std::string{} : fmt::format("ended with status {}", WEXITSTATUS(status));
}

/// Starts arguments[0], found on PATH, with `input` on its standard input and waits for its end; no shell is involved.
auto run_program(std::vector<std::string> arguments, std::string_view input) -> ProgramResult {
    const auto in = MemoryFile("input");
    const auto err = MemoryFile("errors");
    in.fill(input);
    auto argv = std::vector<char*>{};
    for (auto& argument : arguments) { argv.push_back(argument.data()); }
    argv.push_back(nullptr);

    auto files = posix_spawn_file_actions_t{};
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, in.descriptor(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&files, err.descriptor(), STDERR_FILENO);
    ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    // A process group of its own: Ctrl-C, which ends a training after its batch, does not tear the drawing off.
    auto attributes = posix_spawnattr_t{};
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    auto program = pid_t{};
    const auto error = ::posix_spawnp(&program, argv[0], &files, &attributes, argv.data(), ::environ);
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    if (error != 0) { return {.started = false, .problem = std::strerror(error), .errors = {}}; }
    auto problem = wait_for(program);
    return {.started = true, .problem = std::move(problem), .errors = err.text()};
}

}  // namespace nbm
