"""Checkpoints that are unpickled, by any of the libraries that do so."""

CASES = {
    "every way to unpickle, and what is safe": """
        import pickle

        import cloudpickle
        import dill
        import joblib
        import torch
        from pickle import Unpickler
        from pickle import Unpickler as Reader
        from torch import load as read
        from torch import save as written


        class Loader:
            pass


        def loaded(path, options):
            pickle.load(path)  #! WGT004
            pickle.loads(path)  #! WGT004
            Unpickler(path)  #! WGT004
            pickle.Unpickler(path)  #! WGT004
            Reader(path)  #! WGT004
            read(path)  #! WGT004
            written(path)
            dill.load(path)  #! WGT004
            cloudpickle.loads(path)  #! WGT004
            joblib.load(path)  #! WGT004
            pickle.dump(path)
            torch.load(path)  #! WGT004
            torch.load(path, weights_only=False)  #! WGT004
            torch.load(path, weights_only=None)  #! WGT004
            torch.serialization.load(path)  #! WGT004
            torch.load(path, weights_only=True)
            torch.load(path, weights_only=options)
            torch.load(path, **options)
            torch.save(path)


        def loaded_by_another_name(path):
            from torch import load as unpickled

            return unpickled(path)  #! WGT004
    """,
}
