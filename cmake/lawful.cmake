# CUDA sources that keep docs/arithmetic.md: nvcc fuses no product with a sum there, fmaf() is written where the law has one.
# The goal is all of them; what keeps its rule so far is held to it by tests/shim/test_shim_law.c.
set(GK_LAWFUL_CUDA adamw add_noise add_rows bag bias_act dropout embed group_sums select_rows sgd signs tick)
