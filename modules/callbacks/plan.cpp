module nbm:callbacks.plan_impl;

import :callbacks.concepts;
import :callbacks.contexts;
import :callbacks.plan;
import :callbacks.session;
import :io;
import :standard;
import :tensor;
import nbm.fmt;

namespace nbm {

namespace {

auto problem_in_flight() -> std::string {
    try {
        throw;
    } catch (const std::exception& error) { return error.what(); } catch (...) {
        return "something was thrown that is no std::exception";
    }
}

constexpr auto hook_names = []<class... Hooks>(std::tuple<Hooks...>*) {
    return std::array<std::string_view, hook::count>{Hooks::name...};
}(static_cast<hook::All*>(nullptr));

}  // namespace

CallbackError::CallbackError(std::string_view hook, std::string_view callback, std::string_view place, std::string_view problem)
    : Error(fmt::format("callback '{}', {}{}{}: {}", callback, hook, place.empty() ? "" : ", ", place, problem)),
      hook_(hook),
      callback_(callback) {}

auto throw_callback_error(std::string_view hook, const std::string& callback, const std::string& place) -> void {
    try {
        throw;
    } catch (const CallbackError&) { throw; } catch (...) {
        throw CallbackError(hook, callback, place, problem_in_flight());
    }
}

auto describe_failure(std::string_view hook, const std::string& callback) -> std::string {
    return fmt::format("callback '{}', {}: {}", callback, hook, problem_in_flight());
}

auto warn_of_failure(const Info& info, std::string_view hook, const std::string& callback) -> void {
    const auto sentence = describe_failure(hook, callback);
    try {
        info.warn(sentence);
    } catch (...) {}
}

auto describe_place(std::size_t epoch, bool has_batch, std::size_t batch) -> std::string {
    return has_batch ? fmt::format("epoch {}, batch {}", epoch + 1, batch + 1) : fmt::format("epoch {}", epoch + 1);
}

auto Plan::describe() const -> std::string {
    constexpr auto stages = std::array<std::string_view, stage_count>{"schedule", "produce", "control", "record", "persist"};
    auto text = std::string{};
    for (std::size_t h = 0; h != calls_.size(); ++h) {
        auto parts = std::vector<std::string>{};
        for (std::size_t s = 0; s != stage_count; ++s) {
            if (!calls_[h][s].empty()) { parts.push_back(fmt::format("{}: {}", stages[s], fmt::join(calls_[h][s], ", "))); }
        }
        if (!parts.empty()) { text += fmt::format("{:<20} {}\n", hook_names[h], fmt::join(parts, "; ")); }
    }
    return text;
}

auto new_state(State& all, const std::string& id) -> State& {
    if (all.has_child(id)) {
        throw InputError(fmt::format("two callbacks with a state have the id '{}'; give one of them another (id = \"...\" in a configuration, nbm::Named in C++)", id));
    }
    return all.child(id);
}

auto warn_missing_state(Session& session, const std::string& id) -> void {
    session.warn(fmt::format("the checkpoint has no state of callback '{}'; it begins afresh", id));
}

}  // namespace nbm
