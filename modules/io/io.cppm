/// Files: weights and checkpoints in HDF5, pictures, tables, plots, events for TensorBoard, and writing without ever leaving a
/// half-written file.
export module nbm:io;

export import :io.files;
export import :io.weights;
export import :io.state;
export import :io.checkpoint_file;
export import :io.images;
export import :io.gif;
export import :io.event_file;
export import :io.table;
export import :io.histogram;
export import :io.plots;
