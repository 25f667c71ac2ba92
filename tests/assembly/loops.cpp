// Two loops over batches that must become the same instructions: one with an empty list, one with a list in which nobody has a
// batch hook.
#include <cstddef>

import nbm;

struct AtEpochs {
    std::size_t epochs = 0;
    void on_epoch_end(const nbm::EpochInfo&) { ++epochs; }
    void on_epoch_begin(const nbm::EpochInfo&) { epochs *= 3; }
};

using Hookless = nbm::CallbackList<AtEpochs, AtEpochs&, nbm::CallbackList<AtEpochs>, nbm::Every<AtEpochs>>;
struct OnBatches {
    std::size_t* count;
    void on_batch_end(const nbm::BatchInfo& info) { *count += info.size; }
};

extern "C" auto update(std::size_t batch) -> void;

template <class List>
inline auto loop(List& list, nbm::BatchInfo& info, std::size_t batches) -> bool {
    for (std::size_t b = 0; b != batches; ++b) {
        auto flow = list.template call<nbm::hook::BatchBegin>(info);
        update(b);
        flow = flow < list.template call<nbm::hook::GradientReady>(info) ? nbm::Flow::stop : flow;
        const auto end = list.template call<nbm::hook::BatchEnd>(info);
        if (flow != nbm::Flow::proceed || end != nbm::Flow::proceed) { return false; }
    }
    return true;
}

extern "C" auto loop_empty(nbm::CallbackList<>& list, nbm::BatchInfo& info, std::size_t batches) -> bool {
    return loop(list, info, batches);
}
extern "C" auto loop_hookless(Hookless& list, nbm::BatchInfo& info, std::size_t batches) -> bool {
    return loop(list, info, batches);
}
/// Must differ, or the comparison sees nothing.
extern "C" auto loop_with_hook(nbm::CallbackList<OnBatches>& list, nbm::BatchInfo& info, std::size_t batches) -> bool {
    return loop(list, info, batches);
}
