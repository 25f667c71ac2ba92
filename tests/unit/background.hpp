// The program nbm while it runs. After Boost.Test.
#pragma once

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "helpers.hpp"
#include "temporary.hpp"

/// nbm in the background, which is killed at the end.
class Background {
public:
    Background(const Temporary& folder, const std::string& arguments) {
        const auto command = "cd " + folder.path().string() + " && exec " NBM_PROGRAM " " + arguments + " >out.txt 2>err.txt";
        child_ = ::fork();
        if (child_ == 0) {
            ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
            ::_exit(127);
        }
    }
    Background(const Background&) = delete;
    auto operator=(const Background&) -> Background& = delete;
    ~Background() {
        if (child_ > 0) { ::kill(child_, SIGKILL); }
        if (child_ > 0) { ::waitpid(child_, nullptr, 0); }
    }
    /// Waits until a text is in a file.
    static auto wait_for(const std::filesystem::path& path, const std::string& text) -> void {
        const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        while (!has(contents(path), text) && std::chrono::steady_clock::now() < end) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        BOOST_TEST_REQUIRE(has(contents(path), text));
    }
    auto id() const -> pid_t { return child_; }
    auto signal(int number) const -> void { ::kill(child_, number); }
    /// The exit status, or -1 when a signal ended it.
    auto end() -> int {
        auto status = 0;
        ::waitpid(child_, &status, 0);
        child_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

private:
    pid_t child_;
};
