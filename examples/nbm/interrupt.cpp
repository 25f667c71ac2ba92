#include "interrupt.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <initializer_list>
#include <stop_token>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace {

volatile std::sig_atomic_t interrupted = 0;

extern "C" void on_interrupt(int) {
    interrupted = 1;
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
}

/// Whoever read the output is gone, as head is after its lines: the rest goes nowhere.
extern "C" void on_broken_pipe(int) {
    const auto error = errno;
    for (const auto output : {STDOUT_FILENO, STDERR_FILENO}) {
        auto state = pollfd{.fd = output, .events = 0, .revents = 0};
        if (::poll(&state, 1, 0) != 1 || (state.revents & POLLERR) == 0) { continue; }
        const auto nowhere = ::open("/dev/null", O_WRONLY);
        ::dup2(nowhere, output);
        ::close(nowhere);
    }
    errno = error;
    interrupted = 1;
}

/// A signal that whoever started the program wants ignored stays so: of a job that a script has put in the background, say.
auto handle(int signal) -> void {
    if (std::signal(signal, on_interrupt) == SIG_IGN) { std::signal(signal, SIG_IGN); }
}

}  // namespace

// A signal handler may not make a stop request itself.
Interrupt::Interrupt()
    : earlier_pipe_handler_(std::signal(SIGPIPE, on_broken_pipe)), watcher_([this](const std::stop_token& done) { watch(done); }) {
    handle(SIGINT);
    handle(SIGTERM);  // of a batch system whose time is over
}

Interrupt::~Interrupt() {
    for (const auto signal : {SIGINT, SIGTERM}) {
        if (std::signal(signal, SIG_DFL) == SIG_IGN) { std::signal(signal, SIG_IGN); }
    }
    std::signal(SIGPIPE, earlier_pipe_handler_);
}

auto Interrupt::watch(const std::stop_token& done) -> void {
    while (!done.stop_requested() && interrupted == 0) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }
    if (interrupted != 0) { source_.request_stop(); }
}
