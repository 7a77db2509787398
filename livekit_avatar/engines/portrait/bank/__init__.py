"""Faces made of a film: its own head movement and blinks, its own mouth pixels, new words.

clip -> survey (pass 1: where the face is, how it looks)
     -> choice (which seconds are played, which mouths are kept, which picture is the face at rest)
     -> prepare (pass 2: the members of the avatar)
avatar -> face (BankFace) <- shot <- mover (what a frame shows) <- selection (which mouths), skin (how far they go)
       laid over a base: a film, or the picture itself (Sitter)
"""
