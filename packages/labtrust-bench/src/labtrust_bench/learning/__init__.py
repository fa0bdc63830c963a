"""Crews that learn: PPO with shared parameters and action masks, and playing what it learned.

Training needs the extra ``marl`` (stable-baselines3, sb3-contrib, PyTorch); playing a trained crew
needs NumPy alone.
"""
