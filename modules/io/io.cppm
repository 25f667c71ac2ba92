/// Files: weights in HDF5, pictures, tables, plots, and writing without ever leaving a half-written file.
export module nbm:io;

export import :io.files;
export import :io.weights;
export import :io.images;
export import :io.table;
export import :io.plots;
