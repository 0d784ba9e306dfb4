"""The loop: observe, decide, act. It knows keys, effects, time and operations, and no word of any domain."""
