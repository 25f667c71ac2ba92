#include "interrupt.hpp"

#include <chrono>
#include <csignal>
#include <stop_token>
#include <thread>

namespace {

volatile std::sig_atomic_t interrupted = 0;

extern "C" void on_interrupt(int) {
    interrupted = 1;
    std::signal(SIGINT, SIG_DFL);
}

}  // namespace

// A signal handler may not make a stop request itself.
Interrupt::Interrupt() : watcher_([this](const std::stop_token& done) { watch(done); }) { std::signal(SIGINT, on_interrupt); }

Interrupt::~Interrupt() { std::signal(SIGINT, SIG_DFL); }

auto Interrupt::watch(const std::stop_token& done) -> void {
    while (!done.stop_requested() && interrupted == 0) { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }
    if (interrupted != 0) { source_.request_stop(); }
}
