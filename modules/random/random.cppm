/// Counter-based random numbers: a function of (seed, purpose, step, row, column), independent of threads and of history.
export module nbm:random;

export import :random.philox;
export import :random.stream;
