/// nbm: restricted and deep Boltzmann machines. One name to import; each area is a partition.
export module nbm;

export import :standard;
export import :xtensor;
export import :tensor;
export import :random;
export import :model;
export import :sampling;
export import :estimators;
export import :data;
export import :io;
export import :callbacks;
export import :training;
export import :config;
