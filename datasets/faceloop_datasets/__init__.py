"""What a face annotation is, where it is kept, and how it comes in and goes out."""

import lazy_loader

# Each name is imported when it is first used: who fits faces need not wait for the database, nor
# who reads annotations for the models. What is there, and from where, stands in __init__.pyi.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
