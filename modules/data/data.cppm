/// Data sets: CSV, IDX and NPZ files, generated ones, binarisation.
export module nbm:data;

export import :data.dataset;
export import :data.csv;
export import :data.idx;
export import :data.npz;
export import :data.generated;
