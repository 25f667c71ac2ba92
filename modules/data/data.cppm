/// Data sets: files, folders, generated ones, binarisation.
export module nbm:data;

export import :data.dataset;
export import :data.binarise;
export import :data.whitening;
export import :data.csv;
export import :data.idx;
export import :data.npz;
export import :data.hdf5;
export import :data.folder;
export import :data.generated;
export import :data.row_reader;
export import :data.streamed;
