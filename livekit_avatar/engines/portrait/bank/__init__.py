"""Faces with mouths of their own: filmed ones with the film's head movement and blinks, or rendered ones.

clip -> survey (pass 1: where the face is, how it looks)
     -> choice (which seconds are played, which mouths are kept, which picture is the face at rest)
     -> prepare (pass 2: the members of the avatar)
avatar -> face (BankFace) <- shot <- mover (what a frame shows) <- selection (which mouths)
       laid over a base: the film, or the picture itself if its mouths were made for it
"""
