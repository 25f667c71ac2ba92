#include "interrupt.hpp"

#include <chrono>
#include <csignal>
#include <initializer_list>
#include <stop_token>
#include <thread>

namespace {

volatile std::sig_atomic_t interrupted = 0;

extern "C" void on_interrupt(int) {
    interrupted = 1;
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
}

/// A signal that whoever started the program wants ignored stays so: of a job that a script has put in the background, say.
auto handle(int signal) -> void {
    if (std::signal(signal, on_interrupt) == SIG_IGN) { std::signal(signal, SIG_IGN); }
}

}  // namespace

// A signal handler may not make a stop request itself.
Interrupt::Interrupt() : watcher_([this](const std::stop_token& done) { watch(done); }) {
    handle(SIGINT);
    handle(SIGTERM);  // of a batch system whose time is over
}

Interrupt::~Interrupt() {
    for (const auto signal : {SIGINT, SIGTERM}) {
        if (std::signal(signal, SIG_DFL) == SIG_IGN) { std::signal(signal, SIG_IGN); }
    }
}

auto Interrupt::watch(const std::stop_token& done) -> void {
    while (!done.stop_requested() && interrupted == 0) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }
    if (interrupted != 0) { source_.request_stop(); }
}
