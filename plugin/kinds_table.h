/*
 * plugin/kinds_table.h - the mutation table: a line for each kind of edit.
 *
 * X(Name, functions, family, random, summary). The name is what operators,
 * records and policy.weights say. Of FUNCTIONS `f` are fse_f_available, _sites,
 * _apply and _describe, which one file defines; this list declares them. RANDOM
 * is a function of that file, or NULL. The place of a line is the number of its
 * kind: among edits of equal worth the earlier line wins, so new ones go to the
 * end of their family.
 */
#ifndef FLUX_PLUGIN_KINDS_TABLE_H
#define FLUX_PLUGIN_KINDS_TABLE_H

#define FSE_KIND_TABLE(X) \
  X(OptimizeOpcode, optimize, preserving, fse_optimize_random, \
    "one row by a cheaper one: constants folded, strength reduced") \
  X(InsertNOP, nop, preserving, fse_nop_random, \
    "room for later edits; neutral") \
  X(RemoveNOP, unnop, preserving, NULL, "a NOP out") \
  X(PatchJump, jump, preserving, NULL, \
    "jumps threaded, inverted, rotated to the end of their loop") \
  X(ReplaceSequence, sequence, preserving, NULL, \
    "two or three rows by one that does the same") \
  X(RemoveDead, dead, preserving, NULL, "dead code and stores out") \
  X(ForwardValue, forward, preserving, NULL, \
    "a use reads the register that has the value already") \
  X(PromoteSlot, slot, preserving, NULL, \
    "a memory slot becomes a register") \
  X(HoistConstant, hoist, preserving, NULL, \
    "a constant is loaded once, not in the loop") \
  X(ReplaceWindow, window, preserving, NULL, \
    "a run of rows by nothing or by one that does the same where seen") \
  X(ShareValue, share, preserving, NULL, \
    "what was computed before is kept, not computed again") \
  X(ReduceStrength, strength, preserving, NULL, \
    "a dear row by several that cost less together") \
  X(HoistInvariant, invariant, preserving, NULL, \
    "what a loop computes the same each time goes before it") \
  X(UnrollLoop, unroll, preserving, NULL, \
    "a loop's body several times, its test once") \
  X(RollLoop, roll, preserving, NULL, \
    "a loop's body that is there twice once") \
  X(MoveInstruction, move, preserving, fse_move_random, \
    "rows swapped, sunk to where they are wanted, fused from afar") \
  X(RenameRegister, rename, preserving, fse_rename_random, \
    "a value in another register; neutral") \
  X(BreedVariants, breed, preserving, fse_breed_random, \
    "one variant up to a place, another from there on") \
  X(FindSequence, find, preserving, NULL, \
    "a run of rows by the cheapest that do the same, found by search") \
  X(FoldLoop, fold, preserving, NULL, \
    "a loop by a few rows that give the same where it was run") \
  X(TuneThreshold, threshold, tuning, NULL, \
    "a constant that is compared with") \
  X(AdjustDecay, decay, tuning, NULL, \
    "how fast a value fades") \
  X(AddInstinct, instinct, tuning, NULL, \
    "a source read, compared, and an output if it is so")

#endif /* FLUX_PLUGIN_KINDS_TABLE_H */
