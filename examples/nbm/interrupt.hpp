#pragma once

#include <stop_token>
#include <thread>

/// Turns the first Ctrl-C into a stop request while it lives; a second one ends the program at once. An output that nobody reads
/// any more makes such a request, too.
class Interrupt {
public:
    Interrupt();
    Interrupt(const Interrupt&) = delete;
    auto operator=(const Interrupt&) -> Interrupt& = delete;
    ~Interrupt();
    inline auto token() const -> std::stop_token { return source_.get_token(); }

private:
    auto watch(const std::stop_token& done) -> void;

    void (*earlier_pipe_handler_)(int);  // replaced also when it ignores the signal: a print would fail in the midst of a training
    std::stop_source source_;
    std::jthread watcher_;
};
