"""What phones print about their apps: one small parser per format, from text to values, without I/O.

A phone's text is hostile. No parser raises, whatever it is given; what it did not understand it returns, counts
or leaves unstated, and where two lines of one dump contradict each other neither is believed about a signer.
"""
