"""What Python sees of the classes of 3D Slicer and CTK: tables made from their public headers.

PythonQt offers properties, public slots, signals and `Q_INVOKABLE` methods of such a class, and nothing else.
`read_headers.py` makes `classes.json` from checkouts of both projects; `tables.py` answers from it.
"""
