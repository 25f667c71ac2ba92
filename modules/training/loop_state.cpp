module nbm:training.loop_state_impl;

import :callbacks;
import :data;
import :io;
import :standard;
import :tensor;
import :training.loop_state;
import nbm.fmt;

namespace nbm {

namespace {

constexpr auto saved_whole_numbers = {std::pair{"rows", &FitParams::rows}, std::pair{"batch_size", &FitParams::batch_size}};

}  // namespace

auto save_loop(State& state, const LoopIdentity& identity, const Position& position, const std::string& stop_reason,
               const Logs& logs) -> void {
    for (const auto& [name, member] : saved_whole_numbers) { state.put(name, identity.params.*member); }
    state.put("seed", identity.params.seed);
    state.put("shuffle", identity.shuffle);
    state.put("weights", identity.weights);
    state.put("redraw", identity.redraw);
    state.put("block_rows", identity.blocks.rows);
    state.put("blocks_at_once", identity.blocks.at_once);
    state.put("epoch", position.epoch);
    state.put("batch", position.batch);
    state.put("seconds", position.seconds);
    state.put("ended", position.ended);
    state.put("stop_reason", stop_reason);
    auto& metrics = state.child("logs");
    if (position.batch == 0) { return; }
    for (std::size_t i = 0; i != logs.metrics().size(); ++i) {
        if (const auto value = logs.values()[i]) { metrics.put(logs.metrics()[i].name, *value); }
        if (!logs.lists()[i].empty()) { metrics.put(logs.metrics()[i].name, logs.lists()[i]); }
    }
}

auto load_loop(const std::filesystem::path& path, const State& state, const LoopIdentity& identity, Logs& logs) -> SavedLoop {
    const auto require = [&](const std::string& what, auto found, auto expected) {
        if (found == expected) { return; }
        throw FileError(path.string(), fmt::format("belongs to a training with {} {}; this one has {}", what, found, expected));
    };
    for (const auto& [name, member] : saved_whole_numbers) { require(name, state.get<std::size_t>(name), identity.params.*member); }
    require("seed", state.get<std::uint64_t>("seed"), identity.params.seed);
    require("shuffle", state.get<bool>("shuffle"), identity.shuffle);
    const auto require_same = [&](const char* key, std::uint64_t expected, std::string_view what) {
        const auto found = state.has(key) ? state.get<std::uint64_t>(key) : 0;  // older checkpoints know none
        if (found == expected) { return; }
        const auto describe = [&](std::uint64_t sum) { return fmt::format("{}{}", sum == 0 ? "no " : "", what); };
        throw FileError(path.string(),
                        fmt::format("belongs to a training with {}{}; this one has {}", found != 0 && expected != 0 ? "other " : "",
                                    describe(found), describe(expected)));
    };
    require_same("weights", identity.weights, "weights of the rows");
    require_same("redraw", identity.redraw, "probabilities to draw rows from");
    const auto blocks = state.has("block_rows") ? Blocks{.rows = state.get<std::size_t>("block_rows"),
                                                         .at_once = state.get<std::size_t>("blocks_at_once")}
                                                : Blocks{};
    if (blocks != identity.blocks) {
        const auto describe = [](const Blocks& b) {
            return b.rows == 0 ? "has all rows in memory" : fmt::format("reads {} blocks of {} rows at a time", b.at_once, b.rows);
        };
        throw FileError(path.string(),
                        fmt::format("belongs to a training that {}; this one {}, so it would visit the rows in another "
                                    "order: give it the same memory",
                                    describe(blocks), describe(identity.blocks)));
    }
    const auto& metrics = state.child("logs");
    for (std::size_t i = 0; i != logs.metrics().size(); ++i) {
        const auto& name = logs.metrics()[i].name;
        if (!metrics.has(name)) { continue; }
        const auto& value = metrics.value(name);
        if (const auto* number = std::get_if<double>(&value)) { logs.set(MetricId{i}, *number); }
        if (const auto* list = std::get_if<std::vector<double>>(&value)) { logs.set(MetricId{i}, *list); }
    }
    return {.position = {.epoch = state.get<std::size_t>("epoch"),
                         .batch = state.get<std::size_t>("batch"),
                         .seconds = state.get<double>("seconds"),
                         .ended = state.get<bool>("ended")},
            .stop_reason = state.get<std::string>("stop_reason")};
}

}  // namespace nbm
