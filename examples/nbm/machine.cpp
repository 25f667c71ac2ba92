#include "machine.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "machine_file.hpp"
#include "people.hpp"

namespace {

/// "0-1", which the option has checked.
auto parse_edge(const std::string& text) -> nbm::Edge {
    const auto dash = text.find('-');
    return {std::stoul(text.substr(0, dash)), std::stoul(text.substr(dash + 1))};
}

auto checked(nbm::Topology topology, const TrainOptions& o) -> nbm::Topology {
    if (o.pretrain) { nbm::pretrained_rbms(topology); }  // throws for what cannot be pretrained
    return topology;
}

}  // namespace

auto topology_of(const TrainOptions& o, std::size_t units) -> nbm::Topology {
    auto sizes = o.layers.empty() ? std::vector<std::size_t>{units, o.hidden} : o.layers;
    if (sizes.size() < 2) {
        throw nbm::InputError(fmt::format(
            "--layers {}: at least two layers are needed, that of the data and a hidden one, as {},500", sizes.front(), units));
    }
    if (sizes.front() != units) {
        throw nbm::InputError(fmt::format("--layers begins with {} units; the rows of {} have {}", sizes.front(), o.data, units));
    }
    auto edges = std::vector<nbm::Edge>{};
    for (const auto& text : o.edges) { edges.push_back(parse_edge(text)); }
    if (edges.empty()) { return checked(nbm::Topology(std::move(sizes)), o); }
    try {
        return checked(nbm::Topology(std::move(sizes), std::move(edges)), o);
    } catch (const nbm::InputError& error) { throw nbm::InputError(fmt::format("--edges: {}", error.what())); }
}

auto begin_with_weights(nbm::DBM<Real>& dbm, const TrainOptions& o) -> void {
    if (o.pretrain) { throw nbm::InputError("--initial-weights and --pretrain both say how the training begins; leave out one"); }
    const auto file = find_machine(o.initial_weights);
    const auto found = read_machine<Real>(file);
    require_finite(found, file.path);
    const auto refuse = [&](const std::string& why) {
        throw nbm::InputError(fmt::format("--initial-weights {}: its machine {} is no lower part of {}: {}", o.initial_weights,
                                          found.topology().describe(), dbm.topology().describe(), why));
    };
    if (found.layer_count() > dbm.layer_count()) { refuse("it has more layers"); }
    for (std::size_t l = 0; l != found.layer_count(); ++l) {
        if (found.size(l) != dbm.size(l)) { refuse(fmt::format("layer {} has {} units, not {}", l, found.size(l), dbm.size(l))); }
        dbm.bias(l) = found.bias(l);
    }
    for (const auto& synapse : found.synapses()) {
        const auto [lower, upper] = synapse.edge;
        if (std::ranges::find(dbm.topology().edges(), synapse.edge) == dbm.topology().edges().end()) {
            refuse(fmt::format("layers {} and {} are not connected", lower, upper));
        }
        dbm.weights(lower, upper) = synapse.weights;
    }
}

auto pretrain_machine(nbm::DBM<Real>& dbm, const nbm::Matrix<Real>& train, const TrainOptions& o, std::stop_token stop) -> void {
    auto* const stream = people(o.quiet, o.json);
    const auto optimiser =
        nbm::SGD<Real>({.learning_rate = o.pretrain_learning_rate, .momentum = o.momentum, .nesterov = o.nesterov});
    nbm::pretrain(dbm, train, nbm::CD<Real>({.steps = o.pretrain_steps}), optimiser,
                  {.epochs = o.pretrain_epochs,
                   .batch_size = o.batch_size,
                   .penalty = {.l1 = o.l1, .l2 = o.l2},
                   .seed = o.seed,
                   .stop = std::move(stop)},
                  [&](const nbm::PretrainedRBM& part) {
                      say(stream, "pretraining layers {}-{} ({} of {}) by CD-{} for {} epochs\n", part.edge.lower, part.edge.upper,
                          part.index + 1, part.count, o.pretrain_steps, o.pretrain_epochs);
                      return nbm::CallbackList(nbm::ProgressBar(stream), nbm::TerminateOnNonFinite{});
                  });
}
