/// Real types, matrices, products, elementary functions, errors and parallel loops.
export module nbm:tensor;

export import :tensor.errors;
export import :tensor.isa;
export import :tensor.types;
export import :tensor.math;
export import :tensor.kernels;
export import :tensor.parallel;
export import :tensor.products;
