/// Training: initial weights, gradients by contrastive divergence, optimisers, the loop that ties them together, and
/// layer-wise pretraining.
export module nbm:training;

export import :training.penalty;
export import :training.initialise;
export import :training.optimiser;
export import :training.adam;
export import :training.gradient;
export import :training.contrastive;
export import :training.exact;
export import :training.tempered;
export import :training.profile;
export import :training.fit_options;
export import :training.loop_state;
export import :training.batches;
export import :training.fit;
export import :training.pretrain;
