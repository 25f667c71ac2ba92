/// Training: initial weights, gradients by contrastive divergence, optimisers, and the loop that ties them together.
export module nbm:training;

export import :training.penalty;
export import :training.initialise;
export import :training.optimiser;
export import :training.contrastive;
export import :training.exact;
export import :training.fit;
