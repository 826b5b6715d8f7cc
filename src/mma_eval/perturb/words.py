"""Common English words for irrelevant text; none is part of the name of an AudioSet class."""

from __future__ import annotations

from mma_eval.seeded import SeededStream

LIST = """
able about above accept account act active actual add address advice affair afford after again ago
agree ahead aim almost alone along already also always amount ancient annual another apart appear
apple apply approach area argue arrive article aspect assume attempt attend august average avoid
aware away back bare base basic basis bean before begin behind believe below bench benefit beside
best between beyond bigger bill blank body bold book border borrow bottle bottom branch bread
bridge bright bring broad brother budget build button buy calm capital careful carry case
catalogue centre century certain chair chapter charge cheap check cheese citizen city claim clean
clear climb coat coffee cold colour come comfort common compare concern condition confirm connect
consider content continue control cook cool corner cost cotton could couple course cousin cover
create cup current curtain custom customer daily dark date daughter day debt decade decide deep
deliver demand depend desert design detail develop differ difficult dinner discuss distance divide
doctor document doubt down dozen draft drink during dust duty each early earn earth easily east
economy edge edit educate effort either elbow elect eleven empty end energy enjoy enough entire
equal error escape even ever every exact example except exist expect expense expert express extend
extra fabric face factor fair faith fall family far fashion fast father favour february fee feel
few figure final find fine finish first fit five flat floor flower focus follow foot foreign
forget form formal former forward four free fresh friday front fruit full further future garden
gate gather general get give glad goal gold govern grade grain grand grant great green grey ground
grow guest guide habit half happen hard hardly harvest have health height help hence here hill
history hold hole holiday hope hotel hour how huge hundred hurry idea ideal important improve inch
include income indeed index industry inform initial inquire insist instead intend into introduce
invite island issue january job join journey judge june just justice keen keep kitchen knee know
labour ladder lake lamp language last later law layer lead learn leather left legal lemon length
lesson letter level library life lift like likely limit link little live local lock look lose lot
love loyal major make manage manner map march margin mark market match material matter may maybe
meal mean measure meat member memory mention message method mile milk mind minor minute miss mix
model modern moment money month moral morning mother mountain move much museum narrow nation near
nearly neat neck need neighbour neither never nine nobody noon normal nothing notice noun november
now nurse object obtain october odd office often older olive once only onto orange order origin
ought outcome output outer owe own page paint pair paper parent park part party path patient
pattern pause peace pencil people pepper per perhaps period permit person piece place plain plan
plant plate plenty pocket point polite poor popular possible post potato prefer prepare present
press pretty price primary print private prize process produce product profit proper protect proud
prove provide purchase purple purpose put quality quarter quick quiet quite
"""
WORDS = tuple(LIST.split())
"""2**9 words, so that nine random bits choose one."""

BITS = 9
WORDS_PER_DRAW = 64 // BITS


def random_words(stream: SeededStream, count: int) -> str:
    """`count` words with a space between them."""
    chosen: list[str] = []
    while len(chosen) < count:
        draw = stream.bits()
        chosen += [WORDS[draw >> shift & 511] for shift in range(0, WORDS_PER_DRAW * BITS, BITS)]
    return " ".join(chosen[:count])
