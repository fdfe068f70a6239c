"""The answer key: one small module per task. Trusted; it never leaves the staff.

Modules import each other relatively, so that the folder can itself be handed in as a submission of `core`.
"""
